"""The fields whose questions come in four languages; names and topics stay as they are printed."""

from __future__ import annotations

from .words import Field

ESG = Field(
    names=("Anchor Steel", "Clover Dairy", "Gantry Cement", "Heron Textiles", "Mistral Airlines"),
    topics=("water", "waste", "electricity", "safety", "diversity", "recycling"),
    unit="points",
    series=("plants", "offices"),
    title="{Name}",
    subtitle="Sustainability: {topic} {year}",
    caption="{Topic} at {name}, plants and offices",
    sentences=(
        "{name} measures {topic} at every site and has the figures checked from outside.",
        "Managers are paid in part by what they achieve, starting with the site in {place}.",
        "Suppliers sign the same code and are visited every second year.",
        "Where a goal was missed, the reason is given in the notes together with the next step.",
    ),
    queries={
        "english": (
            "What figure does {name} report for {topic} at its {lead} in {column}?",
            "How did {topic} at {name} develop between {begin} and {end}?",
            "In which year did {name} report its highest value for {topic}?",
        ),
        "french": (
            "Quel chiffre {name} publie-t-il pour « {topic} » ({lead}) en {column} ?",
            "Comment « {topic} » a-t-il évolué chez {name} entre {begin} et {end} ?",
            "En quelle année {name} indique-t-il sa plus haute valeur pour « {topic} » ?",
        ),
        "spanish": (
            "¿Qué cifra publica {name} para «{topic}» ({lead}) en {column}?",
            "¿Cómo evolucionó «{topic}» en {name} entre {begin} y {end}?",
            "¿En qué año indica {name} su valor más alto de «{topic}»?",
        ),
        "german": (
            "Welche Zahl nennt {name} für „{topic}“ ({lead}) im Jahr {column}?",
            "Wie hat sich „{topic}“ bei {name} zwischen {begin} und {end} entwickelt?",
            "In welchem Jahr meldet {name} den höchsten Wert für „{topic}“?",
        ),
    },
)  # fmt: skip

MEDICINE = Field(
    names=("liver", "kidney", "heart", "thyroid", "pancreas"),
    topics=("oxygen", "calcium", "insulin", "enzymes", "glucose", "antibodies"),
    unit="units",
    series=("rest", "exercise"),
    columns=("1 h", "2 h", "4 h", "8 h"),
    axis="Time",
    title="{Topic} and the {name}",
    subtitle="Lecture {number}",
    caption="Level of {topic}, {name}",
    sentences=(
        "{Topic} in the {name} is measured over eight hours",
        "Highest at rest after {high}: {top} units",
        "Lowest at rest after {low}: {bottom} units",
        "Exercise shifts the curve, as in the {place} study",
        "Ask: what would you see in a fasting patient?",
    ),
    queries={
        "english": (
            "What is the level of {topic} in the {name} after {column} at {lead}?",
            "How does exercise change {topic} in the {name}?",
            "When is the level of {topic} in the {name} highest at {lead}?",
        ),
        "french": (
            "Quel est le niveau de « {topic} » (organe : {name}) après {column} au repos ?",
            "Comment l'effort modifie-t-il « {topic} » dans l'organe « {name} » ?",
            "Quand « {topic} » est-il au plus haut dans l'organe « {name} » au repos ?",
        ),
        "spanish": (
            "¿Cuál es el nivel de «{topic}» (órgano: {name}) después de {column} en reposo?",
            "¿Cómo cambia el ejercicio «{topic}» en el órgano «{name}»?",
            "¿Cuándo es más alto «{topic}» en el órgano «{name}» en reposo?",
        ),
        "german": (
            "Wie hoch ist „{topic}“ (Organ: {name}) nach {column} in Ruhe?",
            "Wie verändert Bewegung „{topic}“ im Organ „{name}“?",
            "Wann ist „{topic}“ im Organ „{name}“ in Ruhe am höchsten?",
        ),
    },
)

ECONOMY = Field(
    names=("Norland", "Kestria", "Valdona", "Ostrea", "Belvania"),
    topics=("inflation", "wages", "lending", "tariffs", "pensions", "subsidies"),
    unit="points",
    series=("towns", "villages"),
    title="The economy of {Name}",
    subtitle="{Topic} {year}",
    caption="{Topic} in {name}, towns and villages",
    sentences=(
        "Households in {name} notice {topic} first when they shop for food and fuel.",
        "The central bank left its forecast unchanged and pointed to the years after {begin}.",
        "Firms near {place} expect a calm season and plan to keep their staff.",
        "A weaker harvest would change the picture, though only in the villages.",
    ),
    queries={
        "english": (
            "What was the value for {topic} in {name} in {column} in the {lead}?",
            "How did {topic} in {name} change from {begin} to {end}?",
            "In which year was the value for {topic} in the {lead} of {name} highest?",
        ),
        "french": (
            "Quelle était la valeur de « {topic} » en {column} dans les villes de {name} ?",
            "Comment « {topic} » a-t-il changé en {name} de {begin} à {end} ?",
            "En quelle année « {topic} » était-il au plus haut dans les villes de {name} ?",
        ),
        "spanish": (
            "¿Cuál era el valor de «{topic}» en {column} en las ciudades de {name}?",
            "¿Cómo cambió «{topic}» en {name} de {begin} a {end}?",
            "¿En qué año fue más alto «{topic}» en las ciudades de {name}?",
        ),
        "german": (
            "Wie hoch war „{topic}“ im Jahr {column} in den Städten von {name}?",
            "Wie hat sich „{topic}“ in {name} von {begin} bis {end} verändert?",
            "In welchem Jahr war „{topic}“ in den Städten von {name} am höchsten?",
        ),
    },
)
