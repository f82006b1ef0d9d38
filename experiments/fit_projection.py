"""Which few directions of an embedding matter for ordinary prompts? Fits the shipped projection.

Run with ``python -m experiments.fit_projection --wordnet FOLDER`` (about four minutes of one core).
It encodes 14,800 freely licensed texts with MiniLM, keeps the leading principal components, and
writes ``conduit/features/data/projection_minilm.npz``. No text comes from an evaluation set.

What it needs, beside ``pip install -e ".[onnx]"`` and the encoder's weights:

- WordNet's data files: ``apt-get install wordnet-base`` puts them into ``/usr/share/wordnet``;
  or ``apt-get download wordnet-base`` and ``dpkg -x wordnet-base*.deb FOLDER``;
- the interpreter's own standard library, and numpy, scipy and scikit-learn, for their docstrings.

Every source is named in the file with its version, licence, number of texts and sha256. Other
versions of Python or of the packages give other texts: the script then says which source differs
from the shipped file's, and with ``--check`` writes nothing and ends with status 1.

Unwhitened components did best on development data (whitening hands the same prior precision to
directions that carry little), and 32 of them held what 48 and 55 did.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from conduit.features.encoders.opening import open_encoder
from conduit.features.projection import PROJECTED_DIM, shipped_projection
from conduit.features.signals import CENTRES, SCALES, SIGNAL_NAMES, raw_signals
from experiments.foreign_prompts import foreign_prompts
from experiments.free_text import lexicon_texts, python_texts, read_wordnet, science_texts
from experiments.made_problems import made_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from conduit.core.ports import Encoder

BATCH = 32
WORDNET = "WordNet 3.0, Copyright 2006 by Princeton University"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A body of text, where it is from, and what may be done with it."""

    name: str
    origin: str
    licence: str
    texts: int
    sha256: str


def gather(wordnet: Path) -> dict[Source, list[str]]:
    """All texts by source; the numbers are the mix that was chosen on development data."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn"))
    python = f"Python {platform.python_version()} standard library"
    senses = read_wordnet(wordnet)
    draws = [Random(seed) for seed in range(5)]  # noqa: S311 - samples text, keeps no secret
    bodies = (
        ("lexicon", WORDNET, "WordNet-3.0", lexicon_texts(senses, draws[0], count=8000)),
        ("python", python, "PSF-2.0", python_texts(draws[1], count=1200)),
        ("science", packages, "BSD-3-Clause", science_texts(draws[2], count=1200)),
        ("made", "templates here", "MIT", made_problems(draws[3], count=4000)),
        ("foreign", "templates here", "MIT", foreign_prompts(draws[4], count=400)),
    )
    return {
        Source(
            name=name, origin=origin, licence=licence, texts=len(texts), sha256=digest(texts)
        ): texts
        for name, origin, licence, texts in bodies
    }


def digest(texts: Sequence[str]) -> str:
    """Identity of a list of texts."""
    return sha256("\0".join(texts).encode()).hexdigest()


def embed(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float64]:
    """Embeddings (n, D) in the order given; encoded by length, so that batches pad little."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    embeddings = np.empty((len(texts), encoder.dim))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        embeddings[batch] = encoder.encode([texts[i] for i in batch])
        if start % (BATCH * 50) == 0:
            print(f"encoded {start:,} of {len(order):,} texts", file=sys.stderr)
    return embeddings


def principal_components(
    embeddings: NDArray[np.float64], kept: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Leading directions, scaled so that the coordinates' mean squared norm is 1.

    Returns:
        The mean (D,), the components (kept, D), and the share of variance they hold.
    """
    mean = embeddings.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(embeddings - mean, rowvar=False, bias=True))
    held = variances[::-1][:kept].sum()
    components = vectors[:, ::-1][:, :kept].T / np.sqrt(held)
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(kept), largest])[:, None]
    return mean, components, held / variances.sum()


def report_signals(texts: Sequence[str]) -> None:
    """Print the signals' constants as measured, beside those in use."""
    raw = np.array([raw_signals(text) for text in texts])
    print("signal            mean (in use)    deviation (in use)")
    for name, *row in zip(SIGNAL_NAMES, raw.mean(0), CENTRES, raw.std(0), SCALES, strict=True):
        print("{:16s} {:5.2f} ({:.2f})     {:5.2f} ({:.2f})".format(name, *row))


def report_sources(sources: Sequence[Source], shipped: Path) -> bool:
    """Print every source and whether it equals the shipped file's; True when all do."""
    known: set[str] = set()
    if shipped.is_file():
        with np.load(shipped, allow_pickle=False) as archive:
            known = {source["sha256"] for source in json.loads(str(archive["sources"]))}
    for source in sources:
        same = "as shipped" if source.sha256 in known else "DIFFERS from the shipped file's"
        print(f"{source.name:8s} {source.texts:6,} texts  {same}  {source.origin}")
    return all(source.sha256 in known for source in sources)


def main() -> int:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("conduit"))
    parser.add_argument("--check", action="store_true", help="compare the texts, write nothing")
    arguments = parser.parse_args()
    target = Path(str(shipped_projection()))
    bodies = gather(arguments.wordnet)
    same = report_sources(list(bodies), target)
    texts = [text for body in bodies.values() for text in body]
    report_signals(texts)
    if arguments.check:
        return 0 if same else 1
    encoder = open_encoder("minilm", cache_dir=arguments.cache)
    mean, components, held = principal_components(embed(encoder, texts), PROJECTED_DIM)
    written = {
        "encoder": np.array(encoder.name.partition("/")[0]),
        "name": np.array(f"pca{PROJECTED_DIM}-{digest(texts)[:8]}"),
        "mean": mean.astype(np.float32),
        "components": components.astype(np.float32),
        "sources": np.array(json.dumps([asdict(source) for source in bodies])),
    }
    np.savez_compressed(target, allow_pickle=False, **written)
    print(f"{PROJECTED_DIM} components hold {held:.1%} of the variance: {target}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
