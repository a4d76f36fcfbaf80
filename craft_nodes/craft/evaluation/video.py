"""Videos, with the encoders that OpenCV's wheels have without a system codec."""

import contextlib
import os
from pathlib import Path

import cv2
import numpy as np

# MPEG-4 Part 2 plays in every player but no browser, VP8 in every browser.
_CODECS = {".mp4": "mp4v", ".webm": "VP80"}


class VideoFile:
    """A file that is written picture by picture, as a context. It appears under its name when it is complete.

    Args:
        path: Ends in ".mp4" or ".webm"; the folder is made where it does not exist.
        size_px: Width and height of the pictures, even numbers.
        rate_hz: Pictures a second.

    Raises:
        ValueError: Another kind of file, or a size that the encoder does not take.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, size_px: tuple[int, int], rate_hz: float):
        if path.suffix not in _CODECS:
            raise ValueError(f"{path} does not end in {' or '.join(_CODECS)}, the kinds of video that are written")
        if any(length < 2 or length % 2 for length in size_px):
            raise ValueError(f"a video of {size_px[0]} x {size_px[1]} pixels cannot be encoded; use even numbers")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._size_px = path, size_px
        self._scratch = path.with_name(f".{path.stem}.partial{path.suffix}")
        codec = cv2.VideoWriter_fourcc(*_CODECS[path.suffix])
        with _quiet():
            self._writer = cv2.VideoWriter(str(self._scratch), codec, rate_hz, size_px)
        if not self._writer.isOpened():
            raise OSError(f"{path} cannot be written; check its folder's permissions and the free space")

    def write(self, picture: np.ndarray) -> None:
        """Append a picture, uint8 [height, width, 3], BGR."""
        width, height = self._size_px
        if picture.shape != (height, width, 3) or picture.dtype != np.uint8:
            # OpenCV would leave it out without a word.
            raise ValueError(f"a picture is {picture.dtype}{list(picture.shape)}, expected uint8[{height}, {width}, 3]")
        self._writer.write(picture)

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._writer.release()
        if kind is None:
            self._scratch.replace(self._path)
        else:
            self._scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def _quiet():
    """OpenCV tells standard error that it knows VP8 by another number; nobody needs to know."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
