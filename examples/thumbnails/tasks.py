"""Thumbnails with Pillow, for a pool. README.md says how to run it."""

import os
from pathlib import Path

from gatherd import function, run
from PIL import Image, ImageOps


@function(idempotent=True, timeout=30)
def thumbnail(path: str, width: int = 300) -> dict:
    """Writes a picture that fits into a square of `width` into the folder thumbs/ beside it."""
    source = Path(path)
    target = source.parent / "thumbs" / source.name
    target.parent.mkdir(exist_ok=True)
    with Image.open(source) as picture:
        kind = picture.format
        picture.draft("RGB", (width, width))  # a JPEG is decoded at a fraction of its size
        smaller = ImageOps.exif_transpose(picture)
        smaller.thumbnail((width, width))
    # A call that is idempotent may run twice at a time: nobody sees half a file.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    smaller.save(unfinished, kind)
    unfinished.replace(target)
    return {"thumbnail": str(target), "size": list(smaller.size)}


run()
