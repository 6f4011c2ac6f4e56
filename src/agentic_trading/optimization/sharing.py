"""One object for many processes: the arrays in it lie in a file that all of them map into their memory.

Pickle (protocol 5) hands large buffers out beside its own bytes. They go into one file, once; whoever
unpacks the object gets arrays that are windows onto the mapped file. The operating system keeps one copy
of its pages for all processes; a page that somebody writes to becomes that process's own.
"""

import mmap
import pickle
from pathlib import Path
from typing import Any, NamedTuple

_ALIGNMENT = 64
"""Bytes; where an array may begin, for the widest loads of any processor."""


class Parcel(NamedTuple):
    """An object taken apart: its pickle, and where its buffers lie in a file (first byte, bytes)."""

    pickled: bytes
    path: Path
    spans: tuple[tuple[int, int], ...]


def pack(thing: object, path: Path) -> Parcel:
    """Take a picklable object apart; writes its buffers to ``path``, which must outlive the parcel."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
    spans = []
    with path.open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            with buffer.raw() as raw:
                spans.append((file.tell(), raw.nbytes))
                file.write(raw)
    return Parcel(pickled, path, tuple(spans))


def unpack(parcel: Parcel) -> Any:
    """The object put together again: equal to the packed one, its arrays writable without harm to others."""
    if not any(size for _, size in parcel.spans):  # an empty file cannot be mapped
        return pickle.loads(parcel.pickled, buffers=[bytearray() for _ in parcel.spans])
    with parcel.path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(parcel.pickled, buffers=[mapped[at : at + size] for at, size in parcel.spans])
