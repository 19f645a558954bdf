# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicted atlases as a flip-book: one picture of N tiles, and which tile shows in each frame.

The tiles are atlases of the clip itself, so that they stay crisp: the frame nearest to the middle of each cluster.
Clusters are those of k-means on small pictures of what changes, started from the frames that lie farthest apart, so
that the same clip always gives the same book. Tile 0 is the one nearest to the speaker at rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..types import Floats

Pictures = NDArray[np.uint8]
DEFAULT_TILES = 16
MOST_TILES = 256
THUMB_PX = 64
"""Side of the small pictures that are compared."""
ROUNDS = 30
LARGEST_PAGE_PX = 8192
DEFAULT_PAGE_PX = 4096
"""What phones and browsers take."""
SMALLEST_TILE_PX = 32
SWITCH_COST = 0.15
"""What a change of tile must gain, as a part of the mean squared distance between a frame and its tile."""


@dataclass(frozen=True)
class FlipBook:
    """A page of tiles and the track that leafs through it."""

    page: Pictures
    """[rows * S, columns * S, 3] tiles in rows from the top left; those without a picture repeat tile 0."""
    columns: int
    rows: int
    track: NDArray[np.int32]
    """[T] the tile of each frame."""
    shown: NDArray[np.int32]
    """[N] the frame of the clip that each tile is."""

    def offsets(self) -> Floats:
        """Return what to add to UVs on tile 0 (v downwards) [T, 2] to see each frame's tile."""
        return np.stack(
            [self.track % self.columns / self.columns, self.track // self.columns / self.rows], axis=-1
        ).astype(np.float32)

    @property
    def tile_px(self) -> int:
        """Side of a tile in texels."""
        return self.page.shape[1] // self.columns

    def mapped(self, change: Callable[[Pictures], Pictures]) -> "FlipBook":
        """Return the book with every tile changed by a function of [S, S, 3]; the size of all may change alike."""
        size = self.tile_px
        rows = [self.page[at * size : (at + 1) * size] for at in range(self.rows)]
        tiles = [[change(row[:, at * size : (at + 1) * size]) for at in range(self.columns)] for row in rows]
        return replace(self, page=np.concatenate([np.concatenate(row, axis=1) for row in tiles]))


def fitted(book: FlipBook, page_px: int) -> FlipBook:
    """Return a book whose page is at most so many texels wide and high; its tiles are made smaller where they must.

    Raises:
        OutputError: tiles so small that no mouth could be seen.
    """
    size = min(book.tile_px, page_px // max(book.columns, book.rows))
    if size < SMALLEST_TILE_PX:
        raise OutputError(
            f"{book.columns * book.rows} tiles on a page of {page_px} texels would be {size} wide; take fewer tiles, "
            f"or a page of at least {SMALLEST_TILE_PX * book.columns}"
        )
    return book if size == book.tile_px else book.mapped(lambda tile: shrunk(tile, size))


def shrunk(picture: Pictures, size: int) -> Pictures:
    """Return a picture [S, S, 3] at a smaller size [s, s, 3], each texel the mean of the area that it covers."""
    edges = np.linspace(0, len(picture), size + 1)
    texels = np.arange(len(picture))
    cover = np.clip(np.minimum(edges[1:, None], texels + 1) - np.maximum(edges[:-1, None], texels), 0, None)
    weights = (cover / cover.sum(axis=1, keepdims=True)).astype(np.float32)
    across = np.einsum("yxc,jx->yjc", picture.astype(np.float32), weights, optimize=True)
    down = np.einsum("yjc,iy->ijc", across, weights, optimize=True)
    return np.clip(np.round(down), 0, 255).astype(np.uint8)


def thumbnail(atlas: Pictures) -> Pictures:
    """Return an atlas [S, S, 3] at about `THUMB_PX` a side, as means of blocks."""
    block = max(1, len(atlas) // THUMB_PX)
    side = len(atlas) // block
    cut = atlas[: side * block, : side * block].astype(np.float32)
    means = cut.reshape(side, block, side, block, 3).mean(axis=(1, 3))
    return (means + 0.5).astype(np.uint8)


def flip_book(atlases: Pictures, reference: Pictures, tiles: int = DEFAULT_TILES) -> FlipBook:
    """Return the flip-book of a clip.

    Args:
        atlases: [T, S, S, 3]; may be mapped from a file, it is read frame by frame.
        reference: [S, S, 3] the speaker at rest.
        tiles: most tiles on the page.

    Raises:
        OutputError: no sensible number of tiles, or a page that is too large.
    """
    if not 1 <= tiles <= MOST_TILES:
        raise OutputError(f"{tiles} tiles: choose 1 to {MOST_TILES}, e.g. {DEFAULT_TILES}")
    columns = int(np.ceil(np.sqrt(tiles)))
    rows = -(-tiles // columns)
    size = len(reference)
    if columns * size > LARGEST_PAGE_PX:
        raise OutputError(f"{tiles} tiles of {size} texels make a page over {LARGEST_PAGE_PX} wide; take fewer tiles")
    thumbs = np.stack([thumbnail(reference), *(thumbnail(atlas) for atlas in atlases)]).reshape(len(atlases) + 1, -1)
    changing = (thumbs != thumbs[0]).any(axis=0)  # the mouth's window, a sixth of the face
    features = thumbs[:, changing].astype(np.float32) / np.float32(255)
    rest, features = _feature_distance(features[1:], features[:1]).ravel(), features[1:]
    centres = _k_means(features, tiles, int(rest.argmin()))
    distance = _feature_distance(features, centres)
    shown = np.unique(distance.argmin(axis=0))
    shown = shown[np.argsort(rest[shown], kind="stable")]
    distance = _feature_distance(features, features[shown])
    page = np.tile(np.asarray(atlases[shown[0]]), (rows, columns, 1))
    for tile, frame in enumerate(shown):
        row, column = divmod(tile, columns)
        page[row * size : (row + 1) * size, column * size : (column + 1) * size] = atlases[frame]
    track = steady(distance, SWITCH_COST * float(distance.min(axis=1).mean()))
    return FlipBook(page, columns, rows, track, shown.astype(np.int32))


def steady(distance: Floats, switch_cost: float) -> NDArray[np.int32]:
    """Return the tile of each frame [T] at least total distance [T, N] plus a cost for every change (Viterbi)."""
    frames, tiles = distance.shape
    came_from = np.zeros((frames, tiles), np.int32)
    total = distance[0].astype(np.float64)
    stay = np.arange(tiles)
    for frame in range(1, frames):
        best = int(total.argmin())
        came_from[frame] = np.where(total <= total[best] + switch_cost, stay, best)
        total = np.minimum(total, total[best] + switch_cost) + distance[frame]
    track = np.empty(frames, np.int32)
    track[-1] = total.argmin()
    for frame in range(frames - 1, 0, -1):
        track[frame - 1] = came_from[frame, track[frame]]
    return track


def _feature_distance(features: Floats, centres: Floats) -> Floats:
    """Return the squared distances [T, N] of rows."""
    middle = centres.mean(axis=0)  # rounding: what all pictures share would swamp what tells them apart
    rows, columns = features - middle, centres - middle
    squares = np.square(rows).sum(axis=1)[:, None] + np.square(columns).sum(axis=1) - 2 * rows @ columns.T
    return np.maximum(squares, 0.0)


def _k_means(features: Floats, tiles: int, first: int) -> Floats:
    """Return the centres [N, D] of at most `tiles` clusters; the first one starts at a given frame."""
    centres = features[first][None]
    nearest = _feature_distance(features, centres).ravel()
    while len(centres) < tiles and nearest.max() > 1e-6:
        centres = np.concatenate([centres, features[nearest.argmax()][None]])
        nearest = np.minimum(nearest, _feature_distance(features, centres[-1:]).ravel())
    owner = np.full(len(features), -1)
    for _ in range(ROUNDS):
        now = _feature_distance(features, centres).argmin(axis=1)
        if (now == owner).all():
            break
        owner = now
        counts = np.bincount(owner, minlength=len(centres))
        held = np.eye(len(centres), dtype=np.float32)[owner].T @ features
        centres = np.where(counts[:, None] > 0, held / np.maximum(counts, 1)[:, None], centres)
    return centres
