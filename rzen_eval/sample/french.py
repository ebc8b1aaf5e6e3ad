"""The fields of knowledge whose pages and questions are in French."""

from __future__ import annotations

from .words import Field

MARKET = Field(
    names=("Lyon", "Nantes", "Toulouse", "Rouen", "Dijon", "Angers", "Quimper", "Bayonne", "Colmar", "Amiens"),
    topics=("prix", "stock", "volume", "poids", "besoin"),
    unit="unités",
    series=("farine", "vanille", "moutarde", "confiture", "levure", "semoule"),
    axis="Année",
    title="{Topic} à {Name}",
    subtitle="Relevé de {year}",
    caption="{topic} par produit au marché de {name}",
    sentences=(
        "Les chiffres sont des moyennes annuelles, arrondies à l'entier.",
        "Le marché est ouvert six jours par semaine.",
    ),
    queries={
        "french": (
            "Quel est le {topic} de la {row} à {name} en {column} ?",
            "Dans le tableau de {name}, quel {topic} est indiqué pour la {row} en {column} ?",
            "Pour quel produit le {topic} est-il le plus élevé à {name} en {column} ?",
        )
    },
    language="french",
)

CLIMATE = Field(
    names=("Grenoble", "Brest", "Limoges", "Perpignan", "Valence", "Calais", "Nancy", "Tours", "Mulhouse", "Bordeaux"),
    topics=("chauffage", "transport", "ciment", "recyclage", "textile", "plastique"),
    unit="kt",
    series=("ville", "région"),
    axis="Année",
    title="Bilan carbone de {Name}",
    subtitle="{Topic} {year}",
    caption="émissions liées au {topic} à {name}, en kt",
    sentences=(
        "Le secteur du {topic} pèse lourd dans le bilan de {name}, où il représente {last} kt en {end}.",
        "Sans mesure nouvelle, la trajectoire du {topic} resterait loin des objectifs votés par la ville.",
        "Trois leviers se dégagent : la sobriété, la rénovation et un meilleur usage des équipements existants.",
        "Les ménages demandent surtout des règles stables et une aide simple à obtenir.",
    ),
    queries={
        "french": (
            "Combien de kt de CO2 le {topic} a-t-il émis à {name} ({row}) en {column} ?",
            "Comment évoluent les émissions du {topic} à {name} entre {begin} et {end} ?",
            "En quelle année les émissions liées au {topic} sont-elles les plus fortes à {name} ?",
        )
    },
    language="french",
)
