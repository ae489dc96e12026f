"""Vectors show what company words keep, and files of vectors are read or refused line by line."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from models import word2vec
from models.text import SPECIAL, Vocabulary
from models.word2vec import Company, SkipGram, Space, neighbours, passages, ppmi_svd, read_glove


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(word2vec.main, [*map(str, args)])


def scores(result):
    """The ROC areas that were printed, by method."""
    assert result.exit_code == 0, result.output
    lines = result.stdout.split("guessing):\n")[1].splitlines()[:3]
    return {name.strip(): float(area) for name, area in (line.rsplit(" ", 1) for line in lines)}


def test_on_real_text_it_tells_neighbours_from_noise_better_than_frequency(run):
    areas = scores(run("--epochs", 2))
    assert areas["word2vec"] > 0.65 and areas["word2vec"] > areas["frequency"] + 0.1
    assert areas["word2vec"] > areas["mutual information"] - 0.03


def test_planted_analogies_come_out_and_a_word_is_near_to_its_company(run):
    result = run("--planted", "--near", "king", "--analogy", "man", "woman", "king")
    areas = scores(result)
    assert areas["word2vec"] > areas["frequency"] + 0.2
    analogies, near, one = result.stdout.splitlines()[-3:]
    assert analogies == "planted analogies: 100% right, 2% by chance"
    assert {w.split()[0] for w in near.removeprefix("king: ").split(", ")[:4]} == {
        "crown", "throne", "palace", "queen",
    }  # fmt: skip
    assert one.startswith("man : woman = king : queen")


def test_before_training_it_knows_none_of_them():
    vocabulary = Vocabulary.of(w for pair, company in word2vec.ROLES.items() for w in pair)
    model = SkipGram(len(vocabulary), 16, rng=0)
    assert word2vec.planted_analogies(Space(vocabulary, model.word.weight.data)) < 0.4


def test_neighbours_are_the_pairs_within_the_window():
    rng = np.random.default_rng(0)
    lines = [np.array([4, 5, 6]), np.array([7, 8]), np.array([9]), np.array([], int)]
    found = neighbours(lines, 1, np.ones(10), rng)
    assert sorted(map(tuple, found)) == [(4, 5), (5, 4), (5, 6), (6, 5), (7, 8), (8, 7)]
    wide = {tuple(p) for _ in range(50) for p in neighbours(lines[:1], 5, np.ones(10), rng)}
    assert wide == {(4, 5), (5, 4), (5, 6), (6, 5), (4, 6), (6, 4)}
    assert len(neighbours(lines, 5, np.zeros(10), rng)) == 0


def test_near_neighbours_count_more_than_far_ones():
    line = [np.arange(1000)]
    found = neighbours(line, 4, np.ones(1000), np.random.default_rng(0))
    apart = np.bincount(abs(found[:, 0] - found[:, 1]))
    assert np.allclose(apart[1:] / apart[1], [1, 3 / 4, 1 / 2, 1 / 4], atol=0.06)


def test_held_out_passages_are_not_learned_from():
    texts = [[f"a{k}", f"b{k}"] for k in range(20)]
    company = Company.of(texts, window=2, least=1, sample=0, seed=0)
    held = {company.vocabulary.tokens[k] for k in company.held_out.ravel()}
    assert held == {"a9", "b9", "a19", "b19"}
    assert not held & {company.vocabulary.tokens[k] for k in company.known.ravel()}


def test_noise_is_drawn_by_frequency_to_the_power_of_three_quarters():
    texts = [["often"] * 16 + ["seldom"] for _ in range(20)]
    company = Company.of(texts, window=2, least=1, sample=0, seed=0)
    often, seldom = (company.noise[company.vocabulary.index[w]] for w in ("often", "seldom"))
    assert often / seldom == pytest.approx(8)
    assert not company.noise[: len(SPECIAL)].any()


def test_counted_vectors_give_back_positive_mutual_information(rng):
    pairs = rng.integers(0, 5, (40, 2))
    of_word, of_other = ppmi_svd(pairs, 5, 3)
    counts = np.zeros((5, 5))
    np.add.at(counts, tuple(pairs.T), 1)
    with np.errstate(divide="ignore"):
        pmi = np.log(counts * 40 / np.outer(counts.sum(1), counts.sum(0)))
    u, s, vt = np.linalg.svd(np.maximum(pmi, 0))
    assert np.allclose(of_word @ of_other.T, (u[:, :3] * s[:3]) @ vt[:3])


def test_paragraphs_are_passages_and_empty_ones_survive():
    assert passages("El Niño, 2\nveces.\n\n\n\n—\n\nfin") == [
        ["el", "niño", "veces"], [], [], ["fin"]
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_vectors_and_another_others(run):
    same, again, other = (
        run("--planted", "--epochs", 1, "--near", "king", "--seed", seed).stdout
        for seed in (1, 1, 2)
    )
    assert same == again != other


def test_what_is_saved_answers_the_same_when_loaded(run, tmp_path):
    path = tmp_path / "run.safetensors"
    ask = ("--near", "king", "--analogy", "man", "woman", "king")
    first = run("--planted", "--epochs", 1, "--save", path, *ask)
    again = run("--load", path, *ask)
    assert again.exit_code == 0, again.output
    assert first.stdout.splitlines()[-3:] == again.stdout.splitlines()


GLOVE = "the 0.1 -2 3e-1\nñandú 1 0 0\n😀 0 1 0\nemu 0.9 0.1 0\n"


def test_glove_vectors_are_loaded_frozen(tmp_path, run):
    path = tmp_path / "vectors.txt"
    path.write_text(GLOVE, encoding="utf-8")
    vocabulary, embedding = read_glove(path)
    assert vocabulary.tokens == (*SPECIAL, "the", "ñandú", "😀", "emu")
    row = embedding(vocabulary.encode(["the"]))
    assert np.allclose(row.numpy(), [[0.1, -2, 0.3]]) and not row.requires_grad
    assert not embedding.weight.data[:4].any()
    result = run("--glove", path, "--near", "ñandú")
    assert result.stdout.splitlines()[1].startswith("ñandú: emu 0.99")


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_words_with_blanks_and_the_header_of_word2vec_and_fasttext_are_read(tmp_path, header):
    path = tmp_path / "vectors.vec"
    path.write_text(header + "5 1 2\n. . . 3 4 \nto name@domain.com 5 -6e-2\n", "utf-8")
    vocabulary, embedding = read_glove(path)
    assert vocabulary.tokens[4:] == ("5", ". . .", "to name@domain.com")
    assert np.allclose(embedding.weight.data[4:], [[1, 2], [3, 4], [5, -0.06]])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "shift_jis"])
def test_vectors_are_read_in_any_encoding(tmp_path, encoding):
    words = ("猫", "犬") if encoding == "shift_jis" else ("ñandú", "é")
    path = tmp_path / "vectors.vec"
    path.write_bytes("".join(f"{word} 1 {i}\n" for i, word in enumerate(words)).encode(encoding))
    named = encoding if encoding == "shift_jis" else None
    assert read_glove(path, named)[0].tokens[4:] == words


def test_a_line_with_a_number_too_many_is_no_word_with_a_blank(tmp_path):
    path = tmp_path / "vectors.vec"
    path.write_text("a 1 2\nb 3 4 5\n", "utf-8")
    with pytest.raises(ValueError, match="line 2: expected a word and 2 numbers, got 3 numbers"):
        read_glove(path)
    path.write_text("4 2\na 1 2\n", "utf-8")
    with pytest.raises(ValueError, match="line 1: announces 4 words, got 1"):
        read_glove(path)


def test_glove_files_are_written_to_the_last_bit(tmp_path, run):
    path, again = tmp_path / "vectors.txt", tmp_path / "again.txt"
    assert run("--planted", "--epochs", 1, "--vectors", path).exit_code == 0
    assert run("--glove", path, "--vectors", again).exit_code == 0
    assert path.read_bytes() == again.read_bytes()
    assert "queen" in read_glove(path)[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--text", "{tmp}/nowhere"], "nowhere: No such file"),
        (["--text", "{tmp}/empty"], "empty, line 1: an empty file"),
        (["--text", "{tmp}/latin"], "latin, line 2: byte"),
        (["--text", "{tmp}/binary"], "binary, line 3: binary data"),
        (["--text", "{tmp}/short"], "short, line 1, the last: 0 words occur 5 times or more"),
        (["--glove", "{tmp}/again", "--save", "{tmp}/new.safetensors"], "--glove: nothing"),
        (["--planted", "--vectors", "{tmp}/none/vectors"], "none: no such folder"),
        (["--glove", "{tmp}/empty"], "empty, line 1: an empty file"),
        (["--glove", "{tmp}/ragged"], "ragged, line 2: expected a word and 3 numbers, got 2"),
        (["--glove", "{tmp}/wordy"], "wordy, line 2: could not convert"),
        (["--glove", "{tmp}/infinite"], "infinite, line 2: not a finite number"),
        (["--glove", "{tmp}/huge"], "huge, line 1: not a finite number"),
        (["--glove", "{tmp}/again"], "again, line 3: the word 'b' appears a second time"),
        (["--glove", "{tmp}/hole"], "hole, line 2: expected a word and 1 numbers, got 0"),
        (["--planted", "--near", "unicorn"], "'unicorn'"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--width", "0"], "--width"),
        (["--lr", "inf"], "--lr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, bad_files, refuses):
    (bad_files / "short").write_text("one two three")
    (bad_files / "ragged").write_text("a 1 2 3\nb 1 2\n")
    (bad_files / "wordy").write_text("a 1 2 3\nb 1 x 3\n")
    (bad_files / "infinite").write_text("a 1 2 3\nb 1 nan 3\n")
    (bad_files / "huge").write_text("a 1e40\n")
    (bad_files / "again").write_text("a 1\nb 1\nb 1\n")
    (bad_files / "hole").write_text("a 1\n\nb 1\n")
    refuses(word2vec.main, args, message)
