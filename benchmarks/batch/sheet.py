# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet that the batch is measured on: 300 lines in twelve languages for three characters.

    python -m benchmarks.batch.sheet FOLDER

Writes `lines.csv` and the characters. Each line is two of its language's six sentences, no two lines alike; .glb and
curves for all, a film for ten.
"""

import csv
import sys
from itertools import permutations
from pathlib import Path

import blender_addon

from .characters import make_characters

LINES_A_LANGUAGE = 25
FILM_EVERY = 23
"""Lines that are filmed: ten, since those of the heavy head get none (minutes each without a GPU)."""
SENTENCES: dict[str, tuple[str, ...]] = {
    "en-us": ("Papa bought five big boxes.", "My brother moved to Boston.", "Please bring the blue map.",
              "We have to leave before noon.", "Nobody believed a word.", "The boat is almost empty."),
    "de": ("Mein Bruder wohnt in Bamberg.", "Bitte bring mir das Brot.", "Wir fahren bald nach Hause.",
           "Die Blumen blühen im Park.", "Papa backt einen Apfelkuchen.", "Am Abend wird es warm."),
    "fr": ("Mon père boit un bon café.", "Le bateau part à midi.", "Nous habitons près du pont.",
           "Il pleut beaucoup ce matin.", "Je mange une belle pomme.", "Elle aime bien la musique."),
    "es": ("Mi amigo vive en Bilbao.", "Papá compra pan blanco.", "El barco sale mañana.",
           "Me gusta mucho el verano.", "Vamos a beber agua fresca.", "Pablo busca un mapa."),
    "it": ("Mio fratello abita a Palermo.", "Bevo sempre un buon caffè.", "La barca parte domani.",
           "Mamma compra il pane.", "Piove molto a primavera.", "Andiamo subito a Bologna."),
    "pt": ("Meu amigo mora em Braga.", "Bebo sempre um bom café.", "O barco parte amanhã.",
           "A mamãe compra pão.", "Vamos passear no parque.", "Chove muito em março."),
    "nl": ("Mijn broer heeft een boot.", "Mama koopt brood en boter.", "Wij wonen bij de brug.",
           "Het wordt morgen mooi weer.", "Breng mij de blauwe map.", "Papa bakt een appeltaart."),
    "pl": ("Mój brat mieszka w Poznaniu.", "Proszę o pomoc.", "Mama kupuje białe bułki.",
           "Jutro będzie piękna pogoda.", "Pies biega po parku.", "Babcia pije kompot."),
    "sv": ("Min bror bor i Malmö.", "Pappa bakar bröd.", "Båten går i morgon bitti.",
           "Vi möts vid bron.", "Mamma köper blommor.", "Det blir varmt på kvällen."),
    "tr": ("Babam bir vapur bekliyor.", "Annem ekmek alıyor.", "Bu sabah hava bulutlu.",
           "Parkta büyük bir köpek var.", "Bana mavi kalemi ver.", "Yarın pazara gidiyoruz."),
    "fi": ("Minun veljeni asuu Porissa.", "Äiti ostaa mustikoita.", "Laiva lähtee aamulla.",
           "Pappa leipoo piparia.", "Huomenna on lämmin päivä.", "Poika pelaa palloa."),
    "ru": ("Мой брат пьёт молоко.", "Папа купил большой арбуз.", "Мама варит борщ.",
           "Завтра будет тепло.", "Мы живём у моря.", "Бабушка пишет письмо."),
}  # fmt: skip
CHARACTERS = ("puppet.glb", "visemes.glb", "puppet.glb", "head.blend")


def rows() -> list[dict[str, str]]:
    """Return the lines of the sheet, language after language in turn."""
    found: list[dict[str, str]] = []
    pairs = {language: list(permutations(said, 2))[:LINES_A_LANGUAGE] for language, said in SENTENCES.items()}
    for turn in range(LINES_A_LANGUAGE):
        for language, of_language in pairs.items():
            number = len(found)
            character = CHARACTERS[number % len(CHARACTERS)]
            films = number % FILM_EVERY == 0 and character != "head.blend"
            found.append(
                {
                    "id": f"l{number:03}",
                    "text": " ".join(of_language[turn]),
                    "language": language,
                    "character": f"characters/{character}",
                    "outputs": "json csv glb mp4" if films else "json csv glb",
                }
            )
    return found


def write_sheet(folder: Path) -> Path:
    """Write the sheet and its characters, and return its path."""
    make_characters(folder / "characters")
    path = folder / "lines.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows()[0]))
        writer.writeheader()
        writer.writerows(rows())
    return path


if __name__ == "__main__":
    blender_addon.register()
    print(write_sheet(Path(sys.argv[1])))
    blender_addon.unregister()
