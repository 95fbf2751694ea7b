"""Archives of images, made here byte by byte: layers, and the two layouts in which tools pack them.

base = tar(("etc", DIRECTORY), ("etc/motd", b"hello"))
parts = oci([base, tar(("etc/.wh.motd", b""))])            # name -> bytes
as_tar(parts), as_folder(parts, tmp_path)
"""

import gzip
import hashlib
import io
import json
import tarfile

import zstandard

DIRECTORY = object()
PACK = {"": lambda raw: raw, "gzip": lambda raw: gzip.compress(raw, mtime=0), "zstd": zstandard.compress}
MEDIA = "application/vnd.oci.image."


def sha256(raw):
    return hashlib.sha256(raw).hexdigest()


def member(name, content=b"", **fields):
    """A header and its bytes; `content` may be bytes or DIRECTORY, `fields` are those of a TarInfo."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if content is DIRECTORY else tarfile.REGTYPE
    info.mode, info.mtime = (0o755 if content is DIRECTORY else 0o644), 1_700_000_000
    raw = b"" if content is DIRECTORY else content
    info.size = len(raw)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, raw


def link(name, target, hard=False):
    return member(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def tar(*members, format=tarfile.PAX_FORMAT):
    """A whole archive; members as `member` and `link` make them, or (name, content)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=format) as archive:
        for each in members:
            info, content = each if isinstance(each[0], tarfile.TarInfo) else member(*each)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def config(layers, steps=None, diff_ids=None):
    """A configuration, as bytes; one step for each layer unless `steps` says otherwise."""
    steps = [{"created_by": f"step {number}"} for number in range(len(layers))] if steps is None else steps
    ids = [f"sha256:{sha256(layer)}" for layer in layers] if diff_ids is None else diff_ids
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "history": steps,
            "rootfs": {"type": "layers", "diff_ids": ids},
        }
    ).encode()


def docker(layers, tags=("base:1",), raw_config=None, pack=""):
    """What `docker save` wrote up to 24: ID/layer.tar, DIGEST.json, manifest.json."""
    raw = config(layers) if raw_config is None else raw_config
    names = [f"{sha256(layer)[:12]}/layer.tar" for layer in layers]
    parts = dict(zip(names, map(PACK[pack], layers), strict=True))
    manifest = [{"Config": f"{sha256(raw)}.json", "RepoTags": list(tags), "Layers": names}]
    return {**parts, f"{sha256(raw)}.json": raw, "manifest.json": json.dumps(manifest).encode()}


def oci(layers, tag="base:1", raw_config=None, pack="gzip", manifest=None, index=None):
    """An OCI image layout; `manifest` and `index` are functions that change the object before it is written."""
    parts = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(raw, kind):
        parts[f"blobs/sha256/{sha256(raw)}"] = raw
        return {"mediaType": MEDIA + kind, "digest": f"sha256:{sha256(raw)}", "size": len(raw)}

    found = {
        "schemaVersion": 2,
        "config": blob(config(layers) if raw_config is None else raw_config, "config.v1+json"),
        "layers": [blob(PACK[pack](layer), f"layer.v1.tar+{pack}") for layer in layers],
    }
    found = manifest(found) if manifest else found
    row = {
        **blob(json.dumps(found).encode(), "manifest.v1+json"),
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    top = {"schemaVersion": 2, "manifests": [row]}
    top = index(top, blob) if index else top
    return {**parts, "index.json": json.dumps(top).encode()}


def both(layers, tags=("base:1",)):
    """What `docker save` writes since 25: an OCI layout, and manifest.json beside it."""
    parts = oci(layers, pack="")
    raw = config(layers)
    manifest = [
        {
            "Config": f"blobs/sha256/{sha256(raw)}",
            "RepoTags": list(tags),
            "Layers": [f"blobs/sha256/{sha256(layer)}" for layer in layers],
        }
    ]
    return {**parts, "manifest.json": json.dumps(manifest).encode()}


def as_tar(parts):
    return tar(*parts.items())


def as_folder(parts, path):
    for name, raw in parts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(raw)
    return path


def written(path, raw):
    """The path of a file with these bytes, as text."""
    path.write_bytes(raw)
    return str(path)
