# SPDX-License-Identifier: Apache-2.0
"""Nearest documents, by document, text and vector."""

import unittest
import weakref

import numpy as np

import embstore
from support import SAMPLE, Model, StoreCase


class Search(StoreCase):

    def setUp(self):
        super().setUp()
        store = self.writer()
        store.ingest("s", SAMPLE, embstore.local(dimensions=64), format="ag_news")
        self.store = store
        self.split = store.split("s")
        self.vectors = self.split.vectors()

    def expected(self, query, allowed=None):
        """Positions by falling cosine, and the cosines in document order."""
        query = np.asarray(query, dtype=np.float64)
        scores = self.vectors @ (query / np.linalg.norm(query))
        order = np.argsort(-scores, kind="stable")
        return [i for i in order if allowed is None or allowed[i]], scores

    def check(self, hits, query, k, allowed=None):
        order, scores = self.expected(query, allowed)
        np.testing.assert_allclose([hit.score for hit in hits], scores[order[:k]], atol=1e-5)
        for hit in hits:
            self.assertAlmostEqual(hit.score, scores[hit.position], delta=1e-5)

    def test_exact_search_finds_what_numpy_finds(self):
        query = self.vectors[5] * 7 + 0.1
        hits = self.split.search(query, k=20, exact=True)
        self.check(hits, query, 20)
        hit = hits[0]
        self.assertEqual((hit.id, hit.label, hit.text),
                         (str(hit.position), self.split.labels[hit.position],
                          self.split.text(hit.position)))

    def test_the_quick_search_finds_most_of_it(self):
        found = self.split.search_batch(self.vectors[:50], k=10).positions
        exact = self.split.search_batch(self.vectors[:50], k=10, exact=True).positions
        common = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist()))
        self.assertGreater(common, 0.8 * 500)

    def test_similar_leaves_the_document_itself_out_unless_asked(self):
        hits = self.split.similar(5, k=10, exact=True)
        self.assertNotIn(5, [hit.position for hit in hits])
        self.assertEqual(self.split.similar("5", k=1, exclude_self=False)[0].position, 5)

    def test_a_text_is_embedded_by_the_splits_own_model(self):
        text = self.split.text(17)
        hit = self.split.search(text, k=1)[0]
        self.assertEqual(hit.position, 17)
        self.assertAlmostEqual(hit.score, 1, delta=1e-5)
        matches = self.split.search_batch([text, self.split.text(3)], k=1)
        self.assertEqual(matches.positions.tolist(), [[17], [3]])

    def test_a_text_needs_a_provider_that_fits(self):
        self.store.ingest("f", ["one", "two"], Model().provider(), check_pairing=False)
        split = self.store.split("f")
        with self.assertRaisesRegex(embstore.InvalidArgument, "provider="):
            split.search("one")
        with self.assertRaisesRegex(embstore.InvalidArgument, "does not fit"):
            split.search("one", provider=Model().provider(model="another"))
        self.assertEqual(split.search("two", k=1, provider=Model().provider())[0].id, "1")

    def test_a_question_that_costs_money_is_paid_for_once(self):
        model = Model()
        self.store.ingest("f", ["one", "two"], model.provider(price=1), check_pairing=False)
        split = self.store.split("f")
        for _ in range(2):
            split.search("three", provider=model.provider(price=1))
        self.assertEqual(model.texts, ["one", "two", "three"])

    def paid_split(self, model, texts):
        self.store.ingest("f", texts, model.provider(price=1), check_pairing=False)
        return self.store.split("f")

    def searchers(self):
        return [searcher for _, searcher in self.store._searchers.values()]

    def test_a_paid_question_leaves_what_was_read_for_searching_as_it_is(self):
        model = Model()
        split = self.paid_split(model, ["one", "two"])
        split.search("three", provider=model.provider(price=1))
        before = self.searchers()
        split.search("four", provider=model.provider(price=1))
        self.assertEqual(model.texts[2:], ["three", "four"])
        self.assertEqual(len(before), 1)
        self.assertIs(self.searchers()[0], before[0])

    def test_a_document_that_gets_its_vector_as_a_question_is_found(self):
        def refuse(call, texts):
            if "two" in texts:
                raise embstore.Rejected("not that")
        split = self.paid_split(Model(refuse), ["one", "two"])
        self.assertEqual([hit.id for hit in split.search(np.ones(4))], ["0"])
        hits = split.search("two", provider=Model().provider(price=1))
        self.assertEqual([hit.id for hit in hits], ["1", "0"])

    def test_what_is_read_for_searching_does_not_pile_up(self):
        other = self.paid_split(Model(), ["one", "two"])
        self.split.search(self.vectors[0])
        old = [weakref.ref(searcher) for searcher in self.searchers()]
        self.store.ingest("s", SAMPLE, embstore.local(dimensions=64), format="ag_news", limit=9)
        other.search(np.ones(4))
        self.assertEqual([searcher() for searcher in old], [None])
        self.store.refresh()
        self.assertEqual(self.searchers(), [])

    def test_a_free_question_leaves_nothing_in_the_store(self):
        vectors = self.store.spaces()[0], self.store.status()["spaces"][0]["vectors"]
        self.split.search("a question")
        self.assertEqual(vectors, (self.store.spaces()[0],
                                   self.store.status()["spaces"][0]["vectors"]))

    def test_where_and_min_score_leave_answers_out(self):
        query = self.vectors[5]
        nouns = self.split.labels == 1
        self.check(self.split.search(query, k=10, where=nouns, exact=True), query, 10, nouns)
        self.assertEqual([hit.position for hit in self.split.search(query, min_score=0.999)], [5])
        self.assertEqual(self.split.search(query, where=np.zeros(1200, bool)), [])

    def test_positions_are_not_taken_for_a_mask(self):
        for where in ([3, 5], np.zeros(1200, dtype=np.int64), np.ones(1200), np.array(["x"] * 1200),
                      [None] * 1200):
            with self.assertRaisesRegex(embstore.InvalidArgument, "positions are not a mask"):
                self.split.search(self.vectors[0], where=where)
        for where in ([True], np.ones(1201, bool), np.ones((1200, 1), bool), True):
            with self.assertRaisesRegex(embstore.InvalidArgument, "each of 1200 documents"):
                self.split.search_batch(self.vectors[:2], where=where)
        mask = np.isin(np.arange(len(self.split)), [3, 5])
        hits = self.split.search(self.vectors[0], where=mask.tolist())
        self.assertEqual({hit.position for hit in hits}, {3, 5})

    def test_many_at_once_are_arrays(self):
        matches = self.split.search_batch(self.vectors[:3], k=4, exact=True)
        self.assertEqual((matches.scores.shape, matches.scores.dtype), ((3, 4), np.float32))
        self.assertEqual((matches.positions.shape, matches.positions.dtype), ((3, 4), np.int64))
        self.assertEqual(matches.positions[:, 0].tolist(), [0, 1, 2])
        few = self.split.search_batch(self.vectors[:1], k=3, where=np.arange(1200) == 0)
        self.assertEqual(few.positions.tolist(), [[0, -1, -1]])
        self.assertTrue(np.isnan(few.scores[0, 1:]).all())

    def test_queries_that_make_no_sense_are_refused(self):
        for query in ([1.0, 2.0], np.zeros(64), np.full(64, np.nan), np.ones((2, 64))):
            with self.assertRaises(embstore.InvalidArgument):
                self.split.search(query)
        for more in ({"k": 0}, {"where": [True]}):
            with self.assertRaises(embstore.InvalidArgument):
                self.split.search(self.vectors[0], **more)
        with self.assertRaises(embstore.InvalidArgument):
            self.split.search_batch("one text")

    def test_after_an_ingest_the_new_documents_are_found(self):
        self.split.search("anything")
        self.store.ingest("s", ["a completely new text"], embstore.local(dimensions=64))
        hits = self.split.search("completely new", k=5)
        self.assertEqual([hit.text for hit in hits], ["a completely new text"])

    def test_with_all_vectors_in_memory_the_answers_are_the_same(self):
        kept = self.store.split("s", keep_vectors=True)
        for exact in (False, True):
            here = kept.search_batch(self.vectors[:5], k=3, exact=exact)
            there = self.split.search_batch(self.vectors[:5], k=3, exact=exact)
            np.testing.assert_array_equal(here.positions[:, 0], there.positions[:, 0])


if __name__ == "__main__":
    unittest.main()
