"""Forms with files, as clients send them."""

from dataclasses import dataclass

BOUNDARY = "a boundary that stands in no file".replace(" ", "-")

# A file that is no picture.
ZIP = b"PK\x03\x04" + bytes(range(256)) * 40


@dataclass(frozen=True)
class File:
    """A file of a form."""

    filename: str
    data: bytes
    field: str = "file"
    type: str = "application/octet-stream"


@dataclass(frozen=True)
class Field:
    """A field that is no file."""

    field: str
    data: bytes


def form(*parts: File | Field) -> tuple[bytes, str]:
    """The body of a form, and its Content-Type."""
    body = b"".join(part_of(part) for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


def part_of(part: File | Field) -> bytes:
    """One part of a form, from its boundary to the next."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part.field}"'
    if isinstance(part, File):
        name = part.filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head += f'; filename="{name}"\r\nContent-Type: {part.type}'
    return head.encode(errors="surrogatepass") + b"\r\n\r\n" + part.data + b"\r\n"
