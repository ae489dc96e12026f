"""Text survives: any alphabet, empty lines, and what cannot be read is said in one line."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from models import text
from models.text import Vocabulary, normalise, padded, words


def test_normalise_keeps_or_strips_accents_but_never_the_tilde_of_ñ():
    assert normalise("El PINGÜINO comió añil") == "el pingüino comió añil"
    assert normalise("El PINGÜINO comió añil", accents=False) == "el pinguino comio añil"
    assert normalise("ÁRBOL", lower=False, accents=False) == "ARBOL"
    assert normalise("naïve – 東京 ok", ascii_only=True) == "nave   ok"


def test_normalise_sees_one_character_however_it_was_typed():
    apart = unicodedata.normalize("NFD", "mañana será")
    assert normalise(apart) == normalise("mañana será") == "mañana será"
    assert normalise(apart, accents=False) == "mañana sera"


def test_words_are_words_in_any_alphabet_and_marks_stand_alone():
    assert words("¿Qué tal, Iñaki?") == ["¿", "Qué", "tal", ",", "Iñaki", "?"]
    assert words("don't well-known l·l") == ["don't", "well-known", "l·l"]
    assert words("Москва 東京 2024") == ["Москва", "東京", "2024"]
    assert words("हिन्दी में, بِسْمِ") == ["हिन्दी", "में", ",", "بِسْمِ"]
    apart = unicodedata.normalize("NFD", "mañana será")
    assert words(apart) == apart.split()
    assert words("") == words(" \n\t") == []
    assert words("😀!") == ["😀", "!"]


def test_characters_join_to_the_text_again():
    line = "año\n\n\t😀"
    assert "".join(text.characters(line)) == line


def test_stop_words_and_stems_of_both_languages():
    assert text.without_stop_words(words("El gato y la luna"), "es") == ["gato", "luna"]
    assert text.without_stop_words(words("The cat and the moon"), "en") == ["cat", "moon"]
    assert text.stems(["gatos", "corriendo", ""], "es") == ["gat", "corr", ""]
    assert text.stems(["cats", "running"], "en") == ["cat", "run"]


def test_a_vocabulary_numbers_by_frequency_after_the_special_tokens():
    vocabulary = Vocabulary.of(["b", "a", "b", "c", "c", "b", "<pad>"])
    assert vocabulary.tokens == (*text.SPECIAL, "b", "c", "a")
    assert len(Vocabulary.of(["b", "a", "b", "c", "c", "b"], most=2)) == 6
    assert "a" not in Vocabulary.of(["b", "a", "b"], least=2)


def test_what_is_encoded_comes_back_and_what_is_not_known_is_unknown():
    vocabulary = Vocabulary.of(["ñu", "sol"])
    indices = vocabulary.encode(["sol", "luna", "ñu"], ends=True)
    assert indices.tolist() == [2, 4, 1, 5, 3]
    assert vocabulary.decode(indices) == ["sol", text.UNKNOWN, "ñu"]
    assert vocabulary.decode([5, 0, 3, 4]) == ["ñu"]
    assert vocabulary.encode([]).shape == (0,) and vocabulary.encode([]).dtype == np.int64
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match=f"got index {wrong}, expected 0 to 5"):
            vocabulary.decode([wrong])


def test_one_hot_is_a_row_of_the_identity():
    found = text.one_hot([[0, 2]], 3)
    assert np.array_equal(found, np.eye(3)[[[0, 2]]]) and found.dtype == np.float32
    assert text.one_hot(np.array([], int), 3).shape == (0, 3)
    with pytest.raises(ValueError, match="from 0 to 3 for size 3"):
        text.one_hot([0, 3], 3)


def test_padding_keeps_the_lengths_those_of_empty_lines_too():
    batch, lengths = padded([np.array([5, 6, 7]), np.array([], int), np.array([8])])
    assert batch.tolist() == [[5, 6, 7], [0, 0, 0], [8, 0, 0]] and lengths.tolist() == [3, 0, 1]
    assert padded([])[0].shape == (0, 0)


def test_counts_are_counts_and_tf_idf_is_its_formula():
    texts = ["sol sol luna", "", "luna ñu"]
    counts, vectoriser = text.count_vectors(texts)
    assert list(vectoriser.get_feature_names_out()) == ["luna", "sol", "ñu"]
    assert counts.toarray().tolist() == [[1, 2, 0], [0, 0, 0], [1, 0, 1]]
    weights, _ = text.count_vectors(texts, tf_idf=True)
    idf = np.log(4 / (1 + np.array([2, 1, 1]))) + 1  # scikit-learn's, smoothed
    row = np.array([1, 2, 0]) * idf
    assert np.allclose(weights.toarray()[0], row / np.linalg.norm(row))
    assert not weights.toarray()[1].any()


def test_the_documentation_is_there_on_every_machine():
    assert text.documentation() == text.documentation()
    assert len(text.documentation()) > 100_000 and "lambda" in text.documentation()
