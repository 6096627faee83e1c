"""Text, character by character: what comes next?"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqexp.data import files, ngrams
from seqexp.data.guesses import Guess, constant
from seqexp.data.shape import Classes, Tokens
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.data.unseen import Laid
from seqexp.score import CrossEntropy

SHIPPED = "pydoc_data.topics"
"""Python's own help texts, which come with every CPython."""

ORDERS = (1, 2, 5)
"""How many characters the n-gram models read; of order 0 is the constant guess."""


@dataclass(frozen=True)
class Characters(Tokens):
    """Tokens that stand for characters: two alphabets of the same size are not one.

    Attributes:
        alphabet: the characters in the order of their tokens.
    """

    alphabet: str


class Text(Task):
    """Sequences of `length` characters of a text; after each of them the next one is to be said.

    With length 4, of "to be or not":

        inputs   t o _ b     targets  o _ b e
        inputs   e _ o r     targets  _ o r _

    There is one text for all seeds, and its split is contiguous: the first part is trained on, the last one tested.
    Intervals over seeds speak of initial weights and of the order of training only. Tokens are the different characters
    of the whole text, sorted. Nothing is left out or changed: capitals, line ends and blanks count as they are.

    The score is the cross-entropy in bits per character. A constant guess scores the entropy of single characters, some
    4.7 bits for English with capitals and signs; it is the n-gram model of order 0. Those of order 1, 2 and 5 (the
    guesses `order_1` and so on; `seqexp/data/ngrams.py` has the formula) look at as many characters, and at none before
    the sequence, which a network does not see, either. The noise is not known.

    Source: A. Graves, "Generating sequences with recurrent neural networks" (2013); beside n-gram models as in
    A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent networks" (2015).

    Args:
        path: of a text file; None takes the help texts that come with Python, which differ between its versions.
        encoding: of the file, such as utf-8.
        characters: so many are read, from the beginning; None for all.
        length: T, characters in a sequence.

    Raises:
        ValueError: a setting is out of range, or the file is not in that encoding, or too short.
    """

    inputs: Characters
    targets: Classes
    reads = "steps"
    chronological = True
    fixed = True

    def __init__(self, path: str | None, encoding: str, characters: int | None, length: int) -> None:
        if length < 1:
            raise ValueError(f"length must be >= 1, got {length}")
        if characters is not None and characters <= length:
            raise ValueError(f"characters must be > length ({length}), or null for all, got {characters}")
        self.path = path
        self.sources = [] if path is None else [path]
        self.length = length
        text, self._origin, content = _shipped() if path is None else _own(path, encoding)
        self._digest, self._whole = hashlib.sha256(content).hexdigest(), len(text)
        text = text[:characters]
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        alphabet, tokens = np.unique(codes, return_inverse=True)
        self.num_sequences = (len(codes) - 1) // length
        if self.num_sequences < 1 or len(alphabet) < 2:
            raise ValueError(
                f"the text must have at least {length + 1} characters (length and one to predict), and two different "
                f"ones; {self._origin} has {len(codes)}, and {len(alphabet)} different"
            )
        self._tokens = torch.from_numpy(tokens.astype(np.int64))
        self.inputs = Characters(len(alphabet), "".join(map(chr, alphabet)))
        self.targets = Classes(len(alphabet))

    def follow(self, trained: Task) -> None:
        """Gives each character the token that the model knows it by."""
        if not isinstance(trained, Text) or self.inputs == trained.inputs:
            return
        known, own = trained.inputs.alphabet, self.inputs.alphabet
        if strange := [token for token, each in enumerate(own) if each not in known]:
            place = int(np.isin(self._tokens.numpy(), strange).argmax())
            line = 1 + sum(own[token] == "\n" for token in self._tokens[:place].tolist())
            raise ValueError(
                f"{self._origin}, line {line}: the character {own[self._tokens[place]]!r} does not occur in the text "
                f"that the model was trained on, whose {len(known)} different characters are all that it knows "
                f"({len(strange)} of the {len(own)} here are others)"
            )
        self._tokens = torch.tensor([known.index(each) for each in own])[self._tokens]
        self.inputs, self.targets = trained.inputs, trained.targets

    @property
    def score(self) -> CrossEntropy:
        """Bits per character."""
        return CrossEntropy("bits")

    @property
    def numbers(self) -> int:
        """Tokens and classes, which take twice the memory of other numbers."""
        return 4 * self.num_sequences * self.length

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Cuts the text: tokens (N, T), classes (N, T); what is left at its end is no whole sequence.

        Raises:
            ValueError: another number or length of sequences is asked for.
        """
        if count != self.num_sequences or length is not None:
            raise ValueError(f"this text makes {self.num_sequences} sequences of {self.length} characters")
        shape = self.num_sequences, self.length
        used = self.num_sequences * self.length
        return Sequences(self._tokens[:used].view(shape), self._tokens[1 : used + 1].view(shape))

    def laid(self, generator: torch.Generator) -> Laid:
        """Where the sequences lie in the text: after each character the next one is a target."""
        starts = torch.arange(self.num_sequences) * self.length
        return Laid(self._tokens[:, None], starts, torch.arange(1, self.length + 1))

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """The constant guess, and n-gram models."""
        shares = constant(train, self.targets)  # (S, 1, 1, C)
        found: dict[str, list[Tensor]] = {f"order_{order}": [] for order in ORDERS}
        for tokens, following, asked, share in zip(train.inputs, train.targets, test.inputs, shares, strict=True):
            stream = torch.cat([tokens.flatten(), following[-1, -1:]]).numpy()  # neighbours: the text again
            models = ngrams.predict(stream, asked.numpy(), share.exp().flatten().numpy(), ORDERS)
            for order in ORDERS:
                found[f"order_{order}"].append(torch.from_numpy(models[order]))
        return {"constant": shares, **{name: torch.stack(each) for name, each in found.items()}}

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says which text it is: its length and its hash, by which another one of the same name is known."""
        count = len(self._tokens)
        part = f"{count:,} characters" if count == self._whole else f"{count:,} of {self._whole:,} characters"
        return [f"The text is {part} of {self._origin}, {self.inputs.count} different; SHA-256 {self._digest[:16]}."]


def _shipped() -> tuple[str, str, bytes]:
    """Python's help texts, what they are called, and their bytes."""
    if importlib.util.find_spec("pydoc_data") is None:
        raise ValueError(
            "path must name a text file here: the help texts that it reads by default are not part of this Python"
        )
    from pydoc_data.topics import topics  # half a megabyte

    text = "\n".join(topics[name] for name in sorted(topics))
    return text, f"Python {platform.python_version()}'s help texts", text.encode()


def _own(path: str, encoding: str) -> tuple[str, str, bytes]:
    """The text of a file, what it is called, and its bytes.

    Raises:
        ValueError: there is no such encoding, or the file is not in it.
    """
    try:
        b"a".decode(encoding, "ignore")
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding must be one that Python knows, such as utf-8 or latin-1, got {encoding!r}"
        ) from None
    files.state(path)
    content = Path(path).read_bytes()
    name = "".join(each if each.isprintable() else "?" for each in Path(path).name[-60:])
    try:
        return content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding), name, content
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"encoding {encoding} does not fit {name}: byte 0x{content[error.start]:02x} at position {error.start:,} "
            f"(counted from 0; line {line:,}) has no meaning there; data.encoding names another, such as latin-1"
        ) from None
    except UnicodeError as error:
        raise ValueError(f"encoding {encoding} does not fit {name}: {error}") from None
