"""The fields of knowledge whose pages and questions are in English; every name and number is made up."""

from __future__ import annotations

from .words import Field

SCIENCE = Field(
    names=("copper", "quartz", "basalt", "ceramic", "graphite", "nickel", "zinc", "polymer", "silicon", "tungsten"),
    topics=("hardness", "density", "viscosity", "adhesion", "friction", "reflectance"),
    unit="a.u.",
    series=("raw", "annealed", "doped"),
    columns=("100", "200", "300", "400", "500", "600"),
    axis="Temperature (K)",
    title="{Topic} of {name}",
    subtitle="samples from {place}, {year}",
    caption=(
        "{Topic} of {name} against temperature for three preparations. The {lead} samples were grown in {place};"
        " error bars are smaller than the markers."
    ),
    sentences=(),
    queries={
        "english": (
            "Which preparation of {name} has the highest {topic} at {column} K?",
            "How does the {topic} of {lead} {name} change with temperature?",
            "In the figure on {name}, what is the {topic} of the {lead} samples at {column} K?",
        )
    },
)

OFFICE = Field(
    names=(
        "Dover Freight", "Marlow Stores", "Pinner Garage", "Salford Mills", "Tilbury Docks", "Walton Bakery",
        "Yardley School", "Epsom Stables", "Hackney Press", "Luton Gardens",
    ),
    topics=("boilers", "cables", "lamps", "carpets", "ladders", "tiles"),
    unit="dollars",
    series=("goods", "carriage", "duty"),
    columns=("May", "June", "July", "August"),
    axis="Month",
    subtitle="{Topic} {year}",
    caption="Order of {topic}",
    sentences=(
        "We write about the order of {quantity} {topic} that {name} placed with us in {high} {year}.",
        "The lot was packed in {place} under the number {number} and left our yard on the agreed day.",
        "Of the sum of {total} dollars, one third falls due on receipt and the rest within thirty days.",
        "Should any piece arrive damaged, please keep it aside and call {person} before noon.",
        "Our driver will ring the bell at the side gate and needs a signature from your office.",
        "We thank you for the trust you have placed in our house and remain at your service.",
    ),
    queries={
        "english": (
            "How many {topic} did {name} order in {year}?",
            "What is the total amount of the {name} order of {topic}?",
            "Who is the contact person for the {topic} delivered to {name}?",
        )
    },
)  # fmt: skip

LEISURE = Field(
    names=("Oslo", "Lisbon", "Dublin", "Prague", "Geneva", "Warsaw", "Bergen", "Athens", "Krakow", "Valencia"),
    topics=("cycling", "fishing", "skating", "swimming", "hiking", "camping"),
    unit="%",
    series=("share",),
    columns=("Teens", "Students", "Parents", "Retired"),
    axis="Group",
    title="{Topic} in {Name}",
    subtitle="Survey of {year}",
    caption="People who like {topic}",
    sentences=(
        "{top} out of 100 people in the group {high} go {topic} at least once a month.",
        "Interest is lowest in the group {low}: only {bottom} in 100.",
        "Most of those asked started with a friend or a neighbour.",
    ),
    queries={
        "english": (
            "What percentage of the group {column} in {name} goes {topic}?",
            "Which group in {name} likes {topic} the most?",
            "In which group in {name} is the interest in {topic} lowest?",
        )
    },
)

FINANCE = Field(
    names=(
        "Alder Foods", "Birch Motors", "Cedar Bank", "Falcon Air", "Garnet Mining", "Harbor Hotels", "Ivory Paper",
        "Juniper Farms", "Kestrel Media", "Laurel Shoes",
    ),
    topics=("revenue", "profit", "debt", "payroll", "inventory", "equity"),
    unit="million dollars",
    series=("Retail", "Wholesale", "Online"),
    caption="{Topic} of {name} by segment, in $ m",
    sentences=(
        "The {topic} of {name} is reported by segment, with {lead} shown first.",
        "In {year} the board kept the accounting rules of the year before and had them audited in {place}.",
        "Exchange rates moved little and explain less than one percent of the change.",
    ),
    queries={
        "english": (
            "What was the {topic} of {name} in {column} in the {row} segment?",
            "In which year was the {lead} {topic} of {name} the highest?",
            "How much {topic} did {name} report for {row} in {column}?",
        )
    },
)  # fmt: skip

MACHINES = Field(
    names=("Atlas", "Beacon", "Comet", "Delphi", "Echo", "Fjord", "Halcyon", "Lumen", "Merlin", "Orion"),
    topics=("accuracy", "latency", "training", "safety", "memory", "translation"),
    unit="points",
    series=("small", "large"),
    title="The {Name} language model",
    caption="{Topic} score of {name} by size of the model",
    sentences=(
        "The {name} system was tested for {topic} on tasks that it had not seen before.",
        "Two sizes were compared, and the large one was run on the same questions as the small one.",
        "Engineers in {place} repeated each run five times and report the mean.",
        "An artificial assistant of this kind still needs a person who reads its answers.",
    ),
    queries={
        "english": (
            "What {topic} score did the {row} {name} model reach in {column}?",
            "How did the {topic} of the {lead} {name} model change from {begin} to {end}?",
            "In which year was the {topic} of the {lead} {name} model best?",
        )
    },
)

ENERGY = Field(
    names=("Arbor Dam", "Brook Wind Farm", "Caspar Gas Field", "Dune Solar Park", "Elmer Reactor", "Gale Wind Farm",
           "Inlet Tidal Plant", "Norton Power Station", "Ridge Solar Park", "Vale Biogas Plant"),
    topics=("output", "storage", "maintenance", "capacity", "downtime", "investment"),
    unit="units",
    series=("summer", "winter"),
    caption="{Topic} at {name}, both seasons",
    sentences=(
        "The operators of {name} publish the {topic} of the site once a year.",
        "Weather explains part of the swing, yet the trend since {begin} is clear.",
        "The grid near {place} was strengthened so that power can flow in both directions.",
        "Neighbours were asked for their view and most of them support the plans.",
    ),
    queries={
        "english": (
            "What was the {topic} of {name} in the {lead} of {column}?",
            "When did {name} record its highest {lead} {topic}?",
            "How did the {topic} at {name} develop between {begin} and {end}?",
        )
    },
)  # fmt: skip

COUNCIL = Field(
    names=(
        "Ashford",
        "Belmont",
        "Clifton",
        "Denham",
        "Fairview",
        "Granby",
        "Hillcrest",
        "Kingsford",
        "Linwood",
        "Oakdale",
    ),
    topics=("housing", "policing", "libraries", "drainage", "elections", "lighting"),
    unit="thousand dollars",
    series=("planned", "spent"),
    title="{Name} Town Council",
    subtitle="Budget for {topic} {year}",
    caption="Budget for {topic} in {name}, in thousand dollars",
    sentences=(
        "The council of {name} voted the budget for {topic} in a public session.",
        "Members asked why the sum {lead} for {high} differs so much from the sum {other}.",
        "The auditor found the books in order and recommends a shorter report next year.",
        "Residents may read the full minutes at the town hall on any weekday.",
    ),
    queries={
        "english": (
            "How much had {name} council {row} for {topic} in {column}?",
            "In which year did the town of {name} reach its highest budget for {topic}?",
            "What was {other} by {name} on {topic} in {column}?",
        )
    },
)

HOSPITAL = Field(
    names=("Amber Hospital", "Bellevue Clinic", "Coral Hospital", "Daisy Clinic", "Emerald Hospital", "Foxglove Clinic",
           "Hazel Hospital", "Iris Clinic", "Lilac Hospital", "Marigold Clinic"),
    topics=("vaccination", "surgery", "dialysis", "maternity", "oncology", "rehabilitation"),
    unit="patients",
    series=("day care", "overnight"),
    caption="Patients at {name} for {topic}",
    sentences=(
        "{name} counts every patient who comes for {topic} once a year, whatever the number of visits.",
        "Waiting times were cut by a second reception desk and by reminders sent the evening before.",
        "Nurses from {place} joined the team and now share the night shifts.",
        "The ward asks patients for their opinion and hangs the answers on the wall.",
    ),
    queries={
        "english": (
            "How many {row} patients came to {name} for {topic} in {column}?",
            "In which year did {name} have the most {lead} patients for {topic}?",
            "How has the number of {topic} patients at {name} changed since {begin}?",
        )
    },
)  # fmt: skip

WORLD = Field(
    names=("Norland", "Westmark", "Kestria", "Valdona", "Ruvia", "Ostrea", "Tamoria", "Belvania", "Quillon", "Zendia"),
    topics=("rainfall", "tourism", "coffee", "literacy", "fisheries", "traffic"),
    unit="points",
    series=("coast", "inland", "islands"),
    title="{Topic} in {Name}",
    subtitle="By region, {begin} to {end}",
    caption="{Topic} index of {name} by region",
    sentences=(),
    queries={
        "english": (
            "What is the {topic} index of {name} in {column} for the {row}?",
            "In which year was {topic} in {name} highest on the {lead}?",
            "What is the difference in {topic} between {lead} and {other} in {name} in {column}?",
        )
    },
)

BUSINESS = Field(
    names=("Acorn Robotics", "Bramble Travel", "Cobalt Software", "Ember Kitchens", "Flint Cameras", "Hollow Games",
           "Jasper Bikes", "Maple Furniture", "Nimbus Cloud", "Sable Perfumes"),
    topics=("hiring", "pricing", "marketing", "logistics", "security", "research", "packaging", "insurance", "warranty",
            "loyalty", "branding", "energy"),
    unit="points",
    series=("goal", "result"),
    columns=("Spring", "Summer", "Autumn", "Winter"),
    axis="Season",
    title="{Topic}",
    subtitle="{name} {year}",
    caption="{Topic}: goal and result, in points",
    sentences=(
        "{Topic} is reviewed every season",
        "Best season for the {lead}: {high}",
        "Weakest season: {low}, {bottom} points",
        "Owner: {person}, {place}",
        "Next review in {end}",
    ),
    queries={
        "english": (
            "What was the {lead} for {topic} at {name} in {column}?",
            "In which season was the {lead} for {topic} at {name} weakest?",
            "In which season did the {topic} {lead} of {name} reach its best value?",
        )
    },
)  # fmt: skip

HERITAGE = Field(
    names=("Pelican Museum", "Quarry Railway", "Raven Library", "Sorrel Castle", "Thistle Theater", "Umber Abbey"),
    topics=("visitors", "ticketing", "restoration", "parking", "volunteers", "exhibits", "catering", "lectures",
            "donations", "climate", "archives", "heating"),
    unit="units",
    series=("east wing", "west wing"),
    title="{Topic}",
    subtitle="{name} {year}",
    caption="{Topic} in the two wings of {name}",
    sentences=(
        "This chapter describes {topic} at {name} and compares the two wings of the building.",
        "The trustees of {name} read the first draft in {place} and asked for a plainer account.",
        "Staff who deal with {topic} meet on the first Monday of the month.",
        "A small group of neighbours helped to gather the figures and to check them by hand.",
        "The building is old, and what works in one wing does not always work in the other.",
    ),
    queries={
        "english": (
            "What does the report of {name} say about {topic} in {column}?",
            "What was the figure for {topic} in the {lead} of {name} in {column}?",
            "In which year was the figure for {topic} in the {other} of {name} at its lowest?",
        )
    },
)  # fmt: skip
