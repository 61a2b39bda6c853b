"""Open any slide: the reader is chosen by what the file contains, not by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cytoshift.errors import SlideError
from cytoshift.slides.brightfield import is_brightfield
from cytoshift.slides.cache import TileCache
from cytoshift.slides.identity import fingerprint
from cytoshift.slides.pyramid import FileSlide, OnProblem
from cytoshift.slides.readers.quiet import quiet
from cytoshift.slides.readers.source import Declined, Source
from cytoshift.slides.slide import SlideInfo

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURE = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM")

Open = Callable[[Path], Source]


def open_slide(path: str | Path, *, cache: TileCache | None = None, on_problem: OnProblem | None = None) -> FileSlide:
    """Open a slide or a plain picture.

    Parameters
    ----------
    path : str or Path
        SVS, NDPI, OME-TIFF, TIFF, MRXS and whatever else OpenSlide reads, JPEG, PNG, WebP; the folder of an
        OME-Zarr; the folder or one file of a DICOM slide.
    cache : TileCache, optional
        Where decoded tiles are kept; default: the cache of this process.
    on_problem : callable, optional
        Told once, in the reading thread, of every tile that cannot be read.

    Raises
    ------
    SlideError
        In one sentence: what is wrong with the file, and what to do.
    """
    place = Path(path).expanduser().absolute()
    try:
        with quiet():
            source = _source(place)
            try:
                info = _info(source, place)
            except BaseException:
                source.close()
                raise
    except SlideError:
        raise
    except PermissionError as error:
        raise SlideError(f"{place} may not be read; ask for the right to read it.") from error
    except FileNotFoundError as error:
        raise SlideError(f"A part of {place.name} is missing ({error.filename}); copy the slide again.") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise SlideError(f"{place.name} is damaged or incomplete ({reason}); copy it again from its source.") from error
    return FileSlide(source, info, cache=cache, on_problem=on_problem)


def _info(source: Source, path: Path) -> SlideInfo:
    facts = source.facts
    return SlideInfo(
        name=path.name,
        identity=fingerprint(source.parts),
        reader=facts.reader,
        vendor=facts.vendor,
        mpp_yx=facts.mpp_yx,
        objective=facts.objective,
        brightfield=is_brightfield(source),
        origin=facts.origin,
        path=str(path),
        scanner=facts.scanner,
    )


def _source(path: Path) -> Source:
    if not path.exists():
        raise SlideError(f"{path} does not exist; check the path, or whether its drive is connected.")
    if path.is_dir():
        return _folder(path)
    size = path.stat().st_size
    if size == 0:
        raise SlideError(f"{path.name} is empty; copy it again from its source.")
    with path.open("rb") as stream:
        head = stream.read(132)
    reason = ""
    for reader in _candidates(path, head):
        try:
            return reader(path)
        except Declined as declined:
            reason = reason or declined.reason
    if reason:
        raise SlideError(f"{path.name} cannot be opened: it {reason}.")
    raise SlideError(
        f"{path.name} is not a slide or picture in a format that can be read; "
        "check that it is whole, or export it as SVS, OME-TIFF or OME-Zarr."
    )


def _candidates(path: Path, head: bytes) -> list[Open]:
    """Return the readers to try, imported only when they are needed."""
    if path.suffix.lower() == ".mrxs":  # the file itself may be anything, the slide lies in the folder beside it
        return [_openslide]
    if head[128:132] == b"DICM":
        return [_dicom]
    if head.startswith(_TIFF):
        return [_tiff, _openslide, _image]
    if head.startswith(_PICTURE) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return [_image]
    return [_openslide]


def _folder(path: Path) -> Source:
    for reader in (_ome_zarr, _dicom):
        try:
            return reader(path)
        except Declined as declined:
            if declined.reason:
                raise SlideError(f"{path.name} cannot be opened: it {declined.reason}.") from declined
    if (path / "Slidedat.ini").is_file():
        raise SlideError(f"{path.name} is the folder of a MIRAX slide; open {path.name}.mrxs beside it.")
    raise SlideError(
        f"{path.name} is a folder, but no OME-Zarr and no DICOM slide; open the slide file inside it instead."
    )


def _tiff(path: Path) -> Source:
    from cytoshift.slides.readers.tiff import open_tiff

    return open_tiff(path)


def _openslide(path: Path) -> Source:
    from cytoshift.slides.readers.openslide import open_openslide

    return open_openslide(path)


def _dicom(path: Path) -> Source:
    from cytoshift.slides.readers.dicom import open_dicom

    return open_dicom(path)


def _ome_zarr(path: Path) -> Source:
    from cytoshift.slides.readers.ome_zarr import open_ome_zarr

    return open_ome_zarr(path)


def _image(path: Path) -> Source:
    from cytoshift.slides.readers.image import open_image

    return open_image(path)
