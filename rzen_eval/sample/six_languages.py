"""The fields whose questions come in the six languages of ViDoRe V3; names and topics stay as they are printed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import french, lectures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .words import Field, Templates

LANGUAGES = ("english", "french", "german", "italian", "portuguese", "spanish")


def _asked(field: Field, queries: Mapping[str, Templates]) -> Field:
    """The field with questions in further languages."""
    return replace(field, queries={**field.queries, **queries})


ESG = _asked(lectures.ESG, {
    "italian": (
        "Quale cifra pubblica {name} per «{topic}» ({lead}) nel {column}?",
        "Come si è sviluppato «{topic}» presso {name} tra il {begin} e il {end}?",
        "In quale anno {name} indica il suo valore più alto per «{topic}»?",
    ),
    "portuguese": (
        "Que número publica {name} para «{topic}» ({lead}) em {column}?",
        "Como evoluiu «{topic}» na {name} entre {begin} e {end}?",
        "Em que ano indica {name} o seu valor mais alto de «{topic}»?",
    ),
})  # fmt: skip

MEDICINE = _asked(lectures.MEDICINE, {
    "italian": (
        "Qual è il livello di «{topic}» (organo: {name}) dopo {column} a riposo?",
        "Come cambia «{topic}» con lo sforzo nell'organo «{name}»?",
        "Quando è più alto «{topic}» nell'organo «{name}» a riposo?",
    ),
    "portuguese": (
        "Qual é o nível de «{topic}» (órgão: {name}) depois de {column} em repouso?",
        "Como o exercício altera «{topic}» no órgão «{name}»?",
        "Quando é mais alto «{topic}» no órgão «{name}» em repouso?",
    ),
})  # fmt: skip

ECONOMY = _asked(lectures.ECONOMY, {
    "italian": (
        "Qual era il valore di «{topic}» nel {column} nelle città di {name}?",
        "Come è cambiato «{topic}» in {name} dal {begin} al {end}?",
        "In quale anno era più alto «{topic}» nelle città di {name}?",
    ),
    "portuguese": (
        "Qual era o valor de «{topic}» em {column} nas cidades de {name}?",
        "Como mudou «{topic}» em {name} de {begin} a {end}?",
        "Em que ano foi mais alto «{topic}» nas cidades de {name}?",
    ),
})  # fmt: skip

MARKET = _asked(french.MARKET, {
    "english": (
        "What is the {topic} of {row} in {name} in {column}?",
        "In the table of {name}, which {topic} is given for {row} in {column}?",
        "For which product is the {topic} highest in {name} in {column}?",
    ),
    "german": (
        "Wie hoch ist „{topic}“ für „{row}“ in {name} im Jahr {column}?",
        "Welcher Wert für „{topic}“ steht in der Tabelle von {name} bei „{row}“ im Jahr {column}?",
        "Für welches Produkt ist „{topic}“ in {name} im Jahr {column} am höchsten?",
    ),
    "italian": (
        "Qual è «{topic}» di «{row}» a {name} nel {column}?",
        "Nella tabella di {name}, quale «{topic}» è indicato per «{row}» nel {column}?",
        "Per quale prodotto «{topic}» è più alto a {name} nel {column}?",
    ),
    "portuguese": (
        "Qual é «{topic}» de «{row}» em {name} em {column}?",
        "Na tabela de {name}, que «{topic}» é indicado para «{row}» em {column}?",
        "Para que produto é mais alto «{topic}» em {name} em {column}?",
    ),
    "spanish": (
        "¿Cuál es «{topic}» de «{row}» en {name} en {column}?",
        "En la tabla de {name}, ¿qué «{topic}» se indica para «{row}» en {column}?",
        "¿Para qué producto es más alto «{topic}» en {name} en {column}?",
    ),
})  # fmt: skip

CLIMATE = _asked(french.CLIMATE, {
    "english": (
        "How many kt of CO2 did {topic} emit in {name} ({row}) in {column}?",
        "How do the emissions of {topic} in {name} develop between {begin} and {end}?",
        "In which year are the emissions of {topic} highest in {name}?",
    ),
    "german": (
        "Wie viele kt CO2 stieß „{topic}“ in {name} ({row}) im Jahr {column} aus?",
        "Wie entwickeln sich die Emissionen von „{topic}“ in {name} zwischen {begin} und {end}?",
        "In welchem Jahr sind die Emissionen von „{topic}“ in {name} am höchsten?",
    ),
    "italian": (
        "Quante kt di CO2 ha emesso «{topic}» a {name} ({row}) nel {column}?",
        "Come si sviluppano le emissioni di «{topic}» a {name} tra il {begin} e il {end}?",
        "In quale anno le emissioni di «{topic}» sono più alte a {name}?",
    ),
    "portuguese": (
        "Quantas kt de CO2 emitiu «{topic}» em {name} ({row}) em {column}?",
        "Como evoluem as emissões de «{topic}» em {name} entre {begin} e {end}?",
        "Em que ano são mais altas as emissões de «{topic}» em {name}?",
    ),
    "spanish": (
        "¿Cuántas kt de CO2 emitió «{topic}» en {name} ({row}) en {column}?",
        "¿Cómo evolucionan las emisiones de «{topic}» en {name} entre {begin} y {end}?",
        "¿En qué año son más altas las emisiones de «{topic}» en {name}?",
    ),
})  # fmt: skip
