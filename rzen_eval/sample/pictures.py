"""Pictures of one thing: an object, a wall, a flag, a garment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFilter

from .canvas import INK, font
from .shapes import COLORS, PAPERS, SCENE, Sheet, Texture, textured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rows import Picture

_SIZE = (SCENE, SCENE)


@dataclass(frozen=True, slots=True)
class Solo:
    """One shape that fills the picture."""

    color: str
    shape: str
    paper: str = "white"
    texture: Texture = "plain"
    degrees: int = 0
    radius: int = 34
    shift: tuple[int, int] = (0, 0)
    litter: bool = False
    """Whether small grey marks lie around that have nothing to do with it."""

    def draw(self) -> Image.Image:
        """The picture."""
        sheet = Sheet(_SIZE, PAPERS.get(self.paper, self.paper))
        if self.litter:
            for index in range(28):
                place = (index * 41 + self.shift[0] * 7) % SCENE, (index * 67 + self.shift[1] * 5) % SCENE
                sheet.shape(("circle", "square")[index % 2], "#8d8d8d", *place, 3)
        x, y = SCENE / 2 + self.shift[0], SCENE / 2 + self.shift[1]
        sheet.shape(self.shape, self.color, x, y, self.radius, degrees=self.degrees, texture=self.texture)
        return sheet.image


@dataclass(frozen=True, slots=True)
class Pattern:
    """A wall of one texture."""

    color: str
    texture: Texture
    pitch: int = 28

    def draw(self) -> Image.Image:
        """The picture."""
        return textured(_SIZE, COLORS[self.color], self.texture, self.pitch)


@dataclass(frozen=True, slots=True)
class Stripes:
    """What a flag shows: stripes, and a shape over them."""

    inks: tuple[str, ...]
    upright: bool = False
    shape: str | None = None
    ink: str = ""


FLAGS: Mapping[str, Stripes] = {
    "France": Stripes(("#1f3f9e", "#ffffff", "#e0242f"), upright=True),
    "Italy": Stripes(("#138a45", "#ffffff", "#cf2b36"), upright=True),
    "Ireland": Stripes(("#169b62", "#ffffff", "#ff883e"), upright=True),
    "Belgium": Stripes(("#111111", "#f7d117", "#e0242f"), upright=True),
    "Nigeria": Stripes(("#138751", "#ffffff", "#138751"), upright=True),
    "Peru": Stripes(("#d91023", "#ffffff", "#d91023"), upright=True),
    "Germany": Stripes(("#111111", "#d8141c", "#f7c600")),
    "Austria": Stripes(("#dc2a33", "#ffffff", "#dc2a33")),
    "Hungary": Stripes(("#cc2f3d", "#ffffff", "#3b7f56")),
    "Estonia": Stripes(("#2c73c8", "#111111", "#ffffff")),
    "Gabon": Stripes(("#2e9d45", "#f7d117", "#3572c6")),
    "Ukraine": Stripes(("#1f61c4", "#f9d616")),
    "Poland": Stripes(("#ffffff", "#d9163f")),
    "Japan": Stripes(("#ffffff",), shape="circle", ink="#c6132f"),
    "Bangladesh": Stripes(("#0b6a4e",), shape="circle", ink="#ee2f40"),
    "Vietnam": Stripes(("#d9201f",), shape="star", ink="#fbe41d"),
    "Somalia": Stripes(("#3f8bdd",), shape="star", ink="#ffffff"),
    "Switzerland": Stripes(("#dc1f1c",), shape="cross", ink="#ffffff"),
}
"""Countries whose flags can be drawn without detail."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A country's flag on a pole."""

    country: str
    shift: int = 0

    def draw(self) -> Image.Image:
        """The picture."""
        flag = FLAGS[self.country]
        sheet = Sheet(_SIZE, "#dfeaf2")
        left, top, length, height = 14, 18 + self.shift, 90, 60
        sheet.rectangle(left - 6, top - 6, left, SCENE, "#6f5b45")
        for index, ink in enumerate(flag.inks):
            begin, end = index / len(flag.inks), (index + 1) / len(flag.inks)
            if flag.upright:
                sheet.rectangle(left + begin * length, top, left + end * length, top + height, ink)
            else:
                sheet.rectangle(left, top + begin * height, left + length, top + end * height, ink)
        if flag.shape:
            sheet.shape(flag.shape, flag.ink, left + length / 2, top + height / 2, 19)
        return sheet.image


@dataclass(frozen=True, slots=True)
class Garment:
    """A shirt or a dress."""

    cut: Literal["shirt", "dress"]
    color: str
    texture: Texture
    long: bool
    """Whether the sleeves are."""

    def draw(self) -> Image.Image:
        """The picture."""
        cloth = textured(_SIZE, COLORS[self.color], self.texture, 14)
        stencil = Image.new("L", (4 * SCENE, 4 * SCENE))
        pen = ImageDraw.Draw(stencil)
        for sign in (-1, 1):
            hand = (49, 74) if self.long else (38, 46)
            sleeve = [(18, 16), hand, (hand[0] - 12, hand[1] + 6), (14, 44)]
            pen.polygon([(4 * (56 + sign * x), 4 * y) for x, y in sleeve], 255)
        hem = (20, 84) if self.cut == "shirt" else (33, 106)
        body = [(-18, 16), (-8, 12), (0, 20), (8, 12), (18, 16), (18, 50), hem, (-hem[0], hem[1]), (-18, 50)]
        pen.polygon([(4 * (56 + x), 4 * y) for x, y in body], 255)
        stencil = stencil.reduce(4)
        image = Image.new("RGB", _SIZE, "#f0ede6")
        image.paste(COLORS[self.color], (0, 0, *_SIZE), stencil.filter(ImageFilter.MaxFilter(3)))
        image.paste(cloth, (0, 0), stencil)
        return image


@dataclass(frozen=True, slots=True)
class Meme:
    """A shape between two lines of large letters."""

    above: str
    below: str
    solo: Solo

    def draw(self) -> Image.Image:
        """The picture."""
        image = self.solo.draw()
        pen = ImageDraw.Draw(image)
        for text, top in ((self.above, 0), (self.below, 84)):
            pen.rectangle((0, top, SCENE, top + 27), INK)
            pen.text((SCENE // 2, top + 14), text, font=font(20), fill="#ffffff", anchor="mm")
        return image


@dataclass(frozen=True, slots=True)
class Blurred:
    """A picture taken with an unsteady hand."""

    picture: Picture
    radius: float = 2.0

    def draw(self) -> Image.Image:
        """The picture."""
        return self.picture.draw().filter(ImageFilter.GaussianBlur(self.radius))
