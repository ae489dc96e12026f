"""Words as vectors, learned from the words around them.

Skip-gram with negative sampling (Mikolov et al. 2013, "Distributed representations of words and
phrases and their compositionality", eq. 4): a word's vector learns to distinguish the words around
it from words drawn at random. By default it reads the documentation that comes with Python.

The score is how well it distinguishes pairs of neighbours, in passages that it has not seen, from
pairs with a random word (area under the ROC curve: 0.5 is guessing). For comparison, it prints the
scores of the neighbour's frequency alone, and of the best known method without a network: counts
of neighbours as positive pointwise mutual information, with a singular value decomposition (Levy &
Goldberg 2014).

``--planted`` learns from made-up sentences about kings, queens and others, in which the neighbours
of every word are known, and asks all their analogies. ``--glove FILE`` reads vectors from a text
file of GloVe, word2vec or fastText instead of learning them; ``--vectors FILE`` writes such a file.

Run it with ``python -m models.word2vec``; ``--help`` explains the options.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from minigrad import optim
from minigrad.extras import require
from minigrad.files import check_writable, read_lines, read_text, write_text
from minigrad.nn import Embedding, Module, Seed, binary_cross_entropy_with_logits
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from models.command import (
    BadInput,
    Files,
    model_command,
    one_line,
    path_option,
    text_option,
    too_little,
)
from models.text import SPECIAL, Vocabulary, documentation, normalise, words
from models.training import Shuffled, train

# Data

Passages = list[list[str]]


def passages(text: str) -> Passages:
    """The words of each paragraph, in small letters, without numbers and marks."""
    blocks = normalise(text).split("\n\n")
    return [[w for w in words(block) if w[0].isalpha()] for block in blocks]


ROLES: dict[tuple[str, str], Sequence[str]] = {
    ("king", "queen"): ("crown", "throne", "palace"),
    ("prince", "princess"): ("castle", "heir", "young"),
    ("man", "woman"): ("adult", "person", "street"),
    ("boy", "girl"): ("child", "school", "play"),
    ("actor", "actress"): ("film", "stage", "scene"),
    ("waiter", "waitress"): ("menu", "table", "tip"),
    ("uncle", "aunt"): ("cousin", "family", "visit"),
    ("brother", "sister"): ("sibling", "home", "share"),
}
SEXES = (("he", "him", "his", "beard"), ("she", "her", "hers", "skirt"))


def planted(sentences: int, rng: np.random.Generator) -> Passages:
    """Sentences in which each word of a pair stands among its role's words and its sex's."""
    made = []
    for _ in range(sentences):
        pair = list(ROLES)[rng.integers(len(ROLES))]
        sex = rng.integers(2)
        company = [*rng.choice(ROLES[pair], 2, replace=False),
                   *rng.choice(SEXES[sex], 2, replace=False)]  # fmt: skip
        made.append(list(rng.permutation([pair[sex], *company])))
    return [[str(word) for word in sentence] for sentence in made]


def neighbours(
    encoded: Sequence[np.ndarray], window: int, keep: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Pairs of words at most ``window`` apart, (pairs, 2): a word, and one of its company.

    Args:
        encoded: indices of each passage's words.
        window: the farthest; each word draws how far it looks, so that near ones count more.
        keep: (vocabulary,), how likely each word stays in the passage.
        rng: what is drawn.
    """
    found = [np.zeros((0, 2), np.int64)]
    for line in encoded:
        line = line[rng.random(len(line)) < keep[line]]
        reach = rng.integers(1, window + 1, len(line))
        for apart in range(1, min(window, len(line) - 1) + 1):
            near = np.stack([line[:-apart], line[apart:]], 1)
            found += [near[reach[:-apart] >= apart], near[reach[apart:] >= apart, ::-1]]
    return np.concatenate(found)


@dataclass(frozen=True)
class Company:
    """Pairs of neighbours, to learn from and held out, and what noise is drawn from.

    Attributes:
        vocabulary: the words.
        known: (pairs, 2), indices.
        held_out: (pairs, 2).
        noise: (vocabulary,), probabilities: of frequency to the power ¾.
    """

    vocabulary: Vocabulary
    known: np.ndarray
    held_out: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, texts: Passages, *, window: int, least: int, sample: float, seed: int) -> Company:
        """Of these passages; each tenth is held out.

        Args:
            texts: the words of each passage.
            window: see `neighbours`.
            least: words that occur less often are left out.
            sample: share of the text above which a word is thinned out; 0: none is.
            seed: of what is drawn.

        Raises:
            ValueError: too little text for any pair.
        """
        rng = np.random.default_rng([seed, 1])
        vocabulary = Vocabulary.of((w for t in texts for w in t), least=least)
        encoded = [vocabulary.encode(w for w in t if w in vocabulary) for t in texts]
        counts = np.bincount(np.concatenate(encoded), minlength=len(vocabulary))
        if len(vocabulary) - len(SPECIAL) < 2:
            raise ValueError(f"{len(vocabulary) - len(SPECIAL)} words occur {least} times or more, "
                             "too few to learn from")  # fmt: skip
        share = np.maximum(counts, 1) / counts.sum()
        # Frequent words say little: Mikolov et al. 2013, eq. 5.
        keep = np.minimum(1, np.sqrt(sample / share)) if sample else np.ones(len(share))
        held = np.arange(len(encoded)) % 10 == 9
        known, held_out = (
            neighbours(list(itertools.compress(encoded, which)), window, keep, rng)
            for which in (~held, held)
        )
        if not (len(known) and len(held_out)):
            raise ValueError(f"{len(texts)} passages, too few to learn from and to hold out")
        noise = counts**0.75
        return cls(vocabulary, known, held_out, noise / noise.sum())


# Model


class SkipGram(Module):
    """Two vectors for each word: as itself, and as company of others.

    Args:
        size: number of words.
        width: of a vector.
        rng: seed or generator of the initial vectors.

    Shapes:
        word (batch,), others (batch, k) → (batch, k), how well each of the others fits.
    """

    def __init__(self, size: int, width: int, rng: Seed = None) -> None:
        self.word = Embedding(size, width, rng=rng)
        self.company = Embedding(size, width, rng=rng)
        self.word.weight.data /= np.float32(width**0.5)
        self.company.weight.data = np.zeros_like(self.company.weight.data)

    def forward(self, word: np.ndarray, others: np.ndarray) -> Array:
        """The products of the vectors."""
        return (self.company(others) @ self.word(word)[..., None])[..., 0]


def frozen(model: SkipGram) -> Embedding:
    """The word vectors, as an embedding that is not learned any more."""
    return Embedding.from_pretrained(model.word.weight.data)


def read_glove(path: Path, encoding: str | None = None) -> tuple[Vocabulary, Embedding]:
    """The words and vectors of a text file of GloVe, word2vec or fastText.

    Each line holds a word and its numbers, separated by blanks; a word may contain blanks itself
    (". . ." in GloVe's 840B). The first line may be a header: the number of words, and of numbers
    in each vector.

    Args:
        path: the file.
        encoding: its encoding, as for `minigrad.files.read_lines`.

    Returns:
        The vocabulary, and a frozen embedding whose first rows, those of `SPECIAL`, are zeros.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not text; or a line has more or fewer numbers than the others, numbers
            that are not finite, or a word that has come before. It names the file and the line.
    """
    found: dict[str, np.ndarray] = {}
    width, announced = 0, None
    for number, pieces in _pieces(path, encoding):
        where = f"{path}, line {number}"
        if number == 1 and len(pieces) == 2 and all(piece.isdigit() for piece in pieces):
            announced, width = (int(piece) for piece in pieces)
            continue
        width = width or _numbers(pieces)
        word, numbers = " ".join(pieces[:-width]), pieces[-width:]
        if not width or not word or (_is_float(pieces[-width - 1]) and " " in word):
            raise ValueError(f"{where}: expected a word and {width or 'its'} numbers, "
                             f"got {_numbers(pieces)} numbers")  # fmt: skip
        if word in found:
            raise ValueError(f"{where}: the word {word!r} appears a second time")
        try:
            with np.errstate(over="ignore"):  # infinite, then
                found[word] = np.array(numbers, np.float32)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not np.isfinite(found[word]).all():
            raise ValueError(f"{where}: not a finite number")
    if announced not in (None, len(found)):
        raise ValueError(f"{path}, line 1: announces {announced} words, got {len(found)}")
    tokens = [word for word in found if word not in SPECIAL]
    matrix = np.stack([*np.zeros((len(SPECIAL), width), np.float32), *(found[t] for t in tokens)])
    return Vocabulary((*SPECIAL, *tokens)), Embedding.from_pretrained(matrix)


def _pieces(path: Path, encoding: str | None) -> Iterator[tuple[int, list[str]]]:
    """The parts of each line between blanks, with the line's number."""
    skipped = list[int]()
    for number, line in enumerate(read_lines(path, encoding), 1):
        text = line.rstrip(" \t")
        if not text:
            skipped.append(number)  # empty lines may only be the last ones
            continue
        for hole in skipped:
            yield hole, [""]
        skipped.clear()
        yield number, re.split("[ \t]", text)


def _numbers(pieces: Sequence[str]) -> int:
    """How many numbers there are at the end; the first piece belongs to the word."""
    return sum(1 for _ in itertools.takewhile(_is_float, reversed(pieces[1:])))


def _is_float(piece: str) -> bool:
    try:
        float(piece)
    except ValueError:
        return False
    return True


def write_glove(path: Path, vocabulary: Vocabulary, matrix: np.ndarray) -> None:
    """Write the words and their vectors as `read_glove` reads them, whole or not at all."""
    lines = [" ".join([word, *map(str, row)])
             for word, row in zip(vocabulary.tokens, matrix, strict=True)
             if word not in SPECIAL]  # fmt: skip
    write_text(path, "\n".join([*lines, ""]))


# What vectors are good for


class Space:
    """Words with vectors, compared by the cosine of the angle between them.

    Args:
        vocabulary: the words.
        matrix: (vocabulary, width).
    """

    def __init__(self, vocabulary: Vocabulary, matrix: np.ndarray) -> None:
        self.vocabulary = vocabulary
        length = np.linalg.norm(matrix, axis=1, keepdims=True)
        self.unit = matrix / np.where(length > 0, length, 1)

    def nearest(self, word: str, count: int = 8) -> list[tuple[str, float]]:
        """The words nearest to a word, with their cosines."""
        return self._nearest(self.vector(word), {word}, count)

    def analogy(self, a: str, b: str, c: str, count: int = 1) -> list[tuple[str, float]]:
        """What is to c as b is to a: nearest to b − a + c (Mikolov, Yih & Zweig 2013)."""
        target = self.vector(b) - self.vector(a) + self.vector(c)
        return self._nearest(target / np.linalg.norm(target), {a, b, c}, count)

    def vector(self, word: str) -> np.ndarray:
        """The word's unit vector.

        Raises:
            ValueError: the word is not known.
        """
        if word not in self.vocabulary:
            known = len(self.vocabulary) - len(SPECIAL)
            raise ValueError(f"the word {word!r} is not among the {known} known")
        return self.unit[self.vocabulary.index[word]]

    def _nearest(self, target: np.ndarray, but: set[str], count: int) -> list[tuple[str, float]]:
        cosines = self.unit @ target
        order = (int(k) for k in np.argsort(-cosines, kind="stable"))
        but = but | set(SPECIAL)
        words = ((self.vocabulary.tokens[k], float(cosines[k])) for k in order)
        return list(itertools.islice((w for w in words if w[0] not in but), count))


def planted_analogies(space: Space) -> float:
    """Share of the planted analogies that come out right."""
    asked = [(*first, *second) for first, second in itertools.permutations(ROLES, 2)]
    return float(np.mean([space.analogy(a, b, c)[0][0] == d for a, b, c, d in asked]))


# Baselines and score


def ppmi_svd(pairs: np.ndarray, size: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Word and company vectors, each (size, width), by counting (Levy & Goldberg 2014, eq. 8)."""
    sparse = require("scipy.sparse", extra="models")
    counts = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
    counts = counts.tocsr().tocoo()
    of_word, of_other = (np.bincount(side, minlength=size) for side in pairs.T)
    pmi = np.log(counts.data * len(pairs) / (of_word[counts.row] * of_other[counts.col]))
    positive = sparse.csr_matrix((np.maximum(pmi, 0), (counts.row, counts.col)), (size, size))
    extmath = require("sklearn.utils.extmath", extra="models")
    u, s, vt = extmath.randomized_svd(positive, min(width, size - 1), random_state=0)
    return u * np.sqrt(s), vt.T * np.sqrt(s)


def told_apart(true: np.ndarray, noise: np.ndarray) -> float:
    """Area under the ROC curve: how likely a true pair scores above one of noise."""
    metrics = require("sklearn.metrics", extra="models")
    labels = np.r_[np.ones(len(true)), np.zeros(len(noise))]
    return float(metrics.roc_auc_score(labels, np.r_[true, noise]))


# Command line


@model_command("word2vec")
@text_option("--text", help="Learn from this text. By default Python's documentation.")
@text_option("--glove", help="Use the vectors of this text file of GloVe, word2vec or fastText, "
             "and learn none.")  # fmt: skip
@click.option("--planted", "use_planted", is_flag=True, show_default=False,
              help="Learn from made-up sentences, and ask their analogies.")  # fmt: skip
@path_option("--vectors", help="Write the vectors to this file, in GloVe's text format.")
@click.option("--near", multiple=True, metavar="WORD", show_default=False,
              help="Print the words nearest to this one; can be repeated.")  # fmt: skip
@click.option("--analogy", nargs=3, multiple=True, metavar="A B C", show_default=False,
              help="Print what is to C as B is to A; can be repeated.")  # fmt: skip
@click.option("--width", type=CountRange(1), default=48, metavar="N",
              help="Numbers in a word's vector.")  # fmt: skip
@click.option("--window", type=CountRange(1), default=5, metavar="N",
              help="Largest distance between neighbours, in words.")  # fmt: skip
@click.option("--negatives", type=CountRange(1), default=5, metavar="N",
              help="Random words for each true one.")  # fmt: skip
@click.option("--least", type=CountRange(1), default=5, metavar="N",
              help="Leave out words that occur less often.")  # fmt: skip
@click.option("--sample", type=FiniteRange(0), default=1e-3, metavar="SHARE",
              help="Thin out words that make up more than this share of the text; "
              "0: none.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=5, metavar="N",
              help="Passes over the pairs.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=1e-2, metavar="RATE",
              help="Adam's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=512, metavar="N",
              help="Pairs per step.")  # fmt: skip
def main(
    files: Files, seed: int, text: Path | None, encoding: str | None, glove: Path | None,
    use_planted: bool, vectors: Path | None, near: tuple[str, ...],
    analogy: tuple[tuple[str, str, str], ...], width: int, window: int, negatives: int, least: int,
    sample: float, epochs: int, lr: float, batch: int,
) -> None:  # fmt: skip
    """Learn word vectors from text, and print nearest words and analogies."""
    settings: dict[str, Any] = {
        "text": "planted" if use_planted else str(text or "documentation"), "width": width,
        "window": window, "negatives": negatives, "least": least, "sample": sample,
        "epochs": epochs, "lr": lr, "batch": batch, "seed": seed,
    }  # fmt: skip
    with one_line():
        if vectors is not None:
            check_writable(vectors)
        if glove and (text or use_planted or files.save or files.load or files.curves):
            raise ValueError("--glove: nothing is learned, so it cannot be combined with "
                             "--text, --planted, --save, --load or --curves")  # fmt: skip
    if glove is not None:
        with one_line():
            vocabulary, embedding = read_glove(glove, encoding)
        click.echo(f"{glove}: {len(vocabulary) - len(SPECIAL)} words, "
                   f"{embedding.weight.shape[1]} numbers each")  # fmt: skip
    elif files.load:
        settings = files.settings({**settings, "vocabulary": []})
        vocabulary = Vocabulary(tuple(settings["vocabulary"]))
        model = SkipGram(len(vocabulary), settings["width"])
        files.restore(model)
        embedding = frozen(model)
    else:
        with one_line():
            if use_planted:
                texts = planted(3000, np.random.default_rng([seed, 2]))
            else:
                texts = passages(documentation() if text is None else read_text(text, encoding))
            # A handful of words, all of them frequent, has none to thin out.
            with too_little(None if use_planted else text, encoding):
                company = Company.of(texts, window=window, least=least, seed=seed,
                                     sample=0 if use_planted else sample)  # fmt: skip
        vocabulary = company.vocabulary
        embedding = learned(company, files, settings, near, analogy)
    space = Space(vocabulary, embedding.weight.data)
    if use_planted or settings["text"] == "planted":
        click.echo(f"planted analogies: {planted_analogies(space):.0%} right, "
                   f"{1 / (len(vocabulary) - len(SPECIAL) - 3):.0%} by chance")  # fmt: skip
    for word in near:
        with one_line():
            told = ", ".join(f"{w} {cosine:.2f}" for w, cosine in space.nearest(word))
        click.echo(f"{word}: {told}")
    for a, b, c in analogy:
        with one_line():
            ((word, cosine),) = space.analogy(a, b, c)
        click.echo(f"{a} : {b} = {c} : {word} ({cosine:.2f})")
    if vectors is not None:
        write_glove(vectors, vocabulary, embedding.weight.data)
        click.echo(f"vectors: {vectors}")


def learned(
    company: Company, files: Files, settings: dict[str, Any], near: tuple[str, ...],
    analogy: tuple[tuple[str, str, str], ...],
) -> Embedding:  # fmt: skip
    """Train, print the scores, and return the vectors."""
    for word in (*near, *itertools.chain(*analogy)):  # before the work, not after it
        if word not in company.vocabulary:
            raise BadInput(
                f"the word {word!r} does not occur often enough in the text; lower --least"
            )
    size, seed, negatives = len(company.vocabulary), settings["seed"], settings["negatives"]
    model = SkipGram(size, settings["width"], seed)
    order = Shuffled(len(company.known), settings["batch"], seed)
    steps = settings["epochs"] * len(order)
    optimizer = optim.Adam(model.parameters(), settings["lr"])
    cumulative = np.cumsum(company.noise)

    def noise(shape: tuple[int, ...], *stream: int) -> np.ndarray:
        drawn = np.random.default_rng([seed, *stream]).random(shape)
        return np.searchsorted(cumulative, drawn * cumulative[-1], side="right")

    def batch(step: int) -> tuple[np.ndarray, ...]:
        pairs = company.known[order(step)]
        others = np.c_[pairs[:, 1], noise((len(pairs), negatives), 3, step)]
        target = np.zeros(others.shape, np.float32)
        target[:, 0] = 1
        return pairs[:, 0], others, target

    def loss(word: np.ndarray, others: np.ndarray, target: np.ndarray) -> Array:
        return binary_cross_entropy_with_logits(model(word, others), target, "sum") / len(word)

    settings = {**settings, "vocabulary": list(company.vocabulary.tokens)}
    history = train(
        model, optimizer, loss, batch, steps=steps, schedule=optim.cosine(settings["lr"], steps),
        checkpoint=files.checkpoint(settings, model, optimizer), every=len(order),
        title="word2vec",
    )  # fmt: skip
    files.write_curves(history)
    held = company.held_out
    wrong = np.c_[held[:, 0], noise((len(held),), 4)]
    click.echo(f"{size - len(SPECIAL)} words, {len(company.known)} pairs to learn from, "
               f"{len(held)} held out")  # fmt: skip
    click.echo("neighbours against random words (ROC area, 0.5 is guessing):")
    frequency = np.bincount(company.known[:, 1], minlength=size)
    for name, (of_word, of_other) in {
        "word2vec": (model.word.weight.data, model.company.weight.data),
        "mutual information": ppmi_svd(company.known, size, settings["width"]),
        "frequency": (np.ones((size, 1)), frequency[:, None]),
    }.items():
        fits = ((of_word[p[:, 0]] * of_other[p[:, 1]]).sum(1) for p in (held, wrong))
        click.echo(f"  {name} {told_apart(*fits):.3f}")
    return frozen(model)


if __name__ == "__main__":
    main()
