# SPDX-License-Identifier: Apache-2.0
"""What the vendors' libraries must be able to do with the simulator. Started by run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

import openai
from google import genai
from google.genai import errors, types

SIMULATOR, FILTER = sys.argv[1:3]
GEMINI = "gemini-embedding-001"
GEMINI_2 = "gemini-embedding-2"
OPENAI = "text-embedding-3-small"
TEXTS = ["a quick brown fox", "a lazy dog", "über den Wolken", "日本語"]
DIMENSIONS = 8
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 20


class Server:
    """The simulator with some flags, until the end of a with block."""

    def __init__(self, *flags):
        self._process = subprocess.Popen(
            [SIMULATOR, "--max-seconds", "280", "--batch-seconds", "0.3", *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = self._process.stdout.readline().decode().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def gemini(self, key="a-key"):
        return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=self.url))

    def openai(self, key="a-key", path="/v1", **more):
        return openai.OpenAI(api_key=key, base_url=self.url + path, max_retries=0, **more)


def embed(client, texts, model=GEMINI, dimensions=DIMENSIONS):
    """The vectors of the synchronous call, one text a call."""
    config = types.EmbedContentConfig(output_dimensionality=dimensions)
    return [client.models.embed_content(model=model, contents=text, config=config)
            .embeddings[0].values for text in texts]


def upload(client, lines, name="input", mime_type="application/jsonl"):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "input.jsonl")
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return client.files.upload(
            file=path, config=types.UploadFileConfig(display_name=name, mime_type=mime_type))


def rows(texts, **more):
    return [{"key": f"k{i}",
             "request": {"content": {"parts": [{"text": text}]},
                         "output_dimensionality": DIMENSIONS, **more}}
            for i, text in enumerate(texts)]


def file_job(client, texts, model=GEMINI):
    return client.batches.create_embeddings(
        model=model, src=types.EmbeddingsBatchJobSource(file_name=upload(client, rows(texts)).name),
        config=types.CreateEmbeddingsBatchJobConfig(display_name="a job"))


def inline_job(client, texts, model=GEMINI):
    batch = types.EmbedContentBatch(
        contents=[types.Content(parts=[types.Part(text=text)]) for text in texts],
        config=types.EmbedContentConfig(output_dimensionality=DIMENSIONS))
    return client.batches.create_embeddings(
        model=model, src=types.EmbeddingsBatchJobSource(inlined_requests=batch))


def wait(client, job):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not job.done:
        assert time.monotonic() < deadline, f"{job.name} is still {job.state}"
        time.sleep(POLL_SECONDS)
        job = client.batches.get(name=job.name)
    return job


class Gemini(unittest.TestCase):

    def test_embed_content(self):
        with Server() as server:
            client = server.gemini()
            reply = client.models.embed_content(model=GEMINI, contents=TEXTS)
            self.assertEqual([len(e.values) for e in reply.embeddings], [3072] * len(TEXTS))
            cut = embed(client, TEXTS)
            self.assertEqual([e.values[:DIMENSIONS] for e in reply.embeddings], cut)

    def test_one_text_per_content_with_the_newer_model(self):
        with Server() as server:
            client = server.gemini()
            contents = [types.Content(parts=[types.Part(text=text)]) for text in TEXTS]
            reply = client.models.embed_content(
                model=GEMINI_2, contents=contents,
                config=types.EmbedContentConfig(output_dimensionality=DIMENSIONS))
            self.assertEqual([e.values for e in reply.embeddings], embed(client, TEXTS, GEMINI_2))

    def test_count_tokens_and_models(self):
        with Server() as server:
            client = server.gemini()
            counted = client.models.count_tokens(model=GEMINI, contents="a b")
            self.assertGreater(counted.total_tokens, 0)
            names = [model.name for model in client.models.list()]
            self.assertEqual(names, ["models/" + GEMINI, "models/" + GEMINI_2])
            self.assertEqual(client.models.get(model=GEMINI).input_token_limit, 2048)

    def test_errors(self):
        with Server("--quota-rpm", "1") as server:
            client = server.gemini()
            embed(client, TEXTS[:1])
            for wrong, code, status in [
                    (lambda: embed(client, TEXTS[:1]), 429, "RESOURCE_EXHAUSTED"),
                    (lambda: embed(client, TEXTS, "unknown"), 404, "NOT_FOUND"),
                    (lambda: embed(server.gemini("bad-key"), TEXTS), 400, "INVALID_ARGUMENT"),
                    (lambda: client.files.get(name="files/unknown"), 403, "PERMISSION_DENIED"),
                    (lambda: client.batches.get(name="batches/unknown"), 404, "NOT_FOUND")]:
                with self.assertRaises(errors.ClientError) as raised:
                    wrong()
                self.assertEqual((raised.exception.code, raised.exception.status), (code, status))
        with Server("--fault", "status=503") as server:
            with self.assertRaises(errors.ServerError):
                embed(server.gemini(), TEXTS)

    def test_files(self):
        with Server() as server:
            client = server.gemini()
            made = [upload(client, rows(TEXTS), name) for name in ("one", "two", "three")]
            file = made[0]
            self.assertEqual(file.display_name, "one")
            self.assertEqual(file.state, types.FileState.ACTIVE)
            self.assertEqual(file.source, types.FileSource.UPLOADED)
            self.assertEqual(file.mime_type, "application/jsonl")
            self.assertEqual((file.expiration_time - file.create_time).total_seconds(), 48 * 3600)
            self.assertEqual(client.files.get(name=file.name), file)
            listed = client.files.list(config={"page_size": 2})
            self.assertEqual({f.name for f in listed}, {f.name for f in made})
            client.files.delete(name=file.name)
            self.assertEqual(len(list(client.files.list())), 2)

    def test_upload_in_chunks(self):
        with Server() as server:
            client = server.gemini()
            content = os.urandom(20_000_000)
            with tempfile.TemporaryDirectory() as directory:
                path = pathlib.Path(directory, "input.txt")
                path.write_bytes(content)
                file = client.files.upload(file=path, config={"mime_type": "text/plain"})
            self.assertEqual(file.size_bytes, len(content))

    def test_upload_refused(self):
        with Server("--fault", "upload-mime") as server:
            client = server.gemini()
            with self.assertRaises(errors.ClientError) as raised:
                upload(client, rows(TEXTS), mime_type="jsonl")
            self.assertEqual(raised.exception.code, 400)
            self.assertTrue(upload(client, rows(TEXTS), mime_type="text/plain").name)
        with Server("--fault", "upload-finalize-error:count=1") as server:
            client = server.gemini()
            with self.assertRaises(KeyError):  # The library does not look for an error in a 200.
                upload(client, rows(TEXTS))

    def test_file_job(self):
        for model in (GEMINI, GEMINI_2):
            with self.subTest(model), Server() as server:
                client = server.gemini()
                job = file_job(client, TEXTS, model)
                self.assertEqual(job.state, types.JobState.JOB_STATE_PENDING)
                self.assertEqual(job.display_name, "a job")
                self.assertEqual(job.model, "models/" + model)
                job = wait(client, job)
                self.assertEqual(job.state, types.JobState.JOB_STATE_SUCCEEDED)
                self.assertGreaterEqual(job.end_time, job.create_time)
                lines = client.files.download(file=job.dest.file_name).decode().splitlines()
                found = {row["key"]: row["response"]["embedding"]["values"]
                         for row in map(json.loads, lines)}
                vectors = embed(client, TEXTS, model)
                self.assertEqual(found, {f"k{i}": vector for i, vector in enumerate(vectors)})

    def test_result_file_cannot_be_looked_at(self):
        with Server() as server:
            client = server.gemini()
            name = wait(client, file_job(client, TEXTS)).dest.file_name
            for call in (client.files.get, client.files.delete):
                with self.assertRaises(errors.ClientError) as raised:
                    call(name=name)
                self.assertEqual(raised.exception.code, 400)

    def test_inline_job(self):
        with Server("--ordered-results") as server:
            client = server.gemini()
            job = wait(client, inline_job(client, TEXTS))
            self.assertEqual(job.state, types.JobState.JOB_STATE_SUCCEEDED)
            answers = job.dest.inlined_embed_content_responses
            self.assertEqual([a.response.embedding.values for a in answers], embed(client, TEXTS))

    def test_list_cancel_delete(self):
        with Server("--foreign-jobs", "3") as server:
            client = server.gemini()
            first = file_job(client, TEXTS)
            second = inline_job(client, TEXTS)
            client.batches.cancel(name=first.name)
            cancelled = client.batches.get(name=first.name)
            self.assertEqual(cancelled.state, types.JobState.JOB_STATE_CANCELLED)
            names = [job.name for job in client.batches.list(config={"page_size": 2})]
            self.assertEqual(names[:2], [second.name, first.name])
            self.assertEqual(len(names), 5)
            client.batches.delete(name=first.name)
            self.assertEqual(len(list(client.batches.list())), 4)

    def test_create_refused(self):
        with Server("--enqueued-tokens", "1") as server:
            with self.assertRaises(errors.ClientError) as raised:
                file_job(server.gemini(), TEXTS)
            self.assertEqual(raised.exception.code, 429)
            details = raised.exception.details["error"]["details"]
            self.assertEqual([d["@type"] for d in details], ["type.googleapis.com/google.rpc.Help"])

    def test_jobs_that_end_badly(self):
        for fault, state in [("job-failed", types.JobState.JOB_STATE_FAILED),
                             ("job-expired", types.JobState.JOB_STATE_EXPIRED),
                             ("job-cancelled", types.JobState.JOB_STATE_CANCELLED)]:
            with self.subTest(fault), Server("--fault", fault) as server:
                client = server.gemini()
                job = wait(client, file_job(client, TEXTS))
                self.assertEqual(job.state, state)
                self.assertIsNone(job.dest)


class OpenAi(unittest.TestCase):

    def assert_close(self, vectors, others):
        for vector, other in zip(vectors, others, strict=True):
            for a, b in zip(vector, other, strict=True):
                self.assertAlmostEqual(a, b, delta=1e-7)

    def test_embeddings(self):
        with Server() as server:
            client = server.openai()
            plain = client.embeddings.create(model=OPENAI, input=TEXTS)  # base64 on the wire
            floats = client.embeddings.create(model=OPENAI, input=TEXTS, encoding_format="float")
            self.assertEqual(plain.object, "list")
            self.assertEqual(plain.model, OPENAI)
            self.assertEqual([e.index for e in plain.data], list(range(len(TEXTS))))
            self.assertEqual({len(e.embedding) for e in plain.data}, {1536})
            self.assertGreater(plain.usage.prompt_tokens, 0)
            self.assertEqual(plain.usage.total_tokens, plain.usage.prompt_tokens)
            self.assert_close([e.embedding for e in plain.data], [e.embedding for e in floats.data])
            norm = sum(x * x for x in plain.data[0].embedding)
            self.assertAlmostEqual(norm, 1, delta=1e-5)

    def test_settings(self):
        with Server("--local-dims", "24") as server:
            client = server.openai()
            def dims(**more):
                return len(client.embeddings.create(input="x", **more).data[0].embedding)
            self.assertEqual(dims(model=OPENAI, dimensions=DIMENSIONS), DIMENSIONS)
            self.assertEqual(dims(model="text-embedding-3-large"), 3072)
            self.assertEqual(dims(model="local-anything"), 24)

    def test_headers(self):
        with Server("--quota-rpm", "10", "--quota-tpm", "1000") as server:
            reply = server.openai().embeddings.with_raw_response.create(model=OPENAI, input="x")
            self.assertEqual(reply.headers["x-ratelimit-limit-requests"], "10")
            self.assertEqual(reply.headers["x-ratelimit-remaining-requests"], "9")
            self.assertEqual(reply.headers["x-ratelimit-remaining-tokens"], "999")
            self.assertEqual(reply.headers["openai-model"], OPENAI)
            self.assertTrue(reply.request_id.startswith("req_"))

    def test_models(self):
        with Server() as server:
            client = server.openai()
            self.assertIn(OPENAI, [model.id for model in client.models.list()])
            self.assertEqual(client.models.retrieve(OPENAI).object, "model")

    def test_errors(self):
        with Server() as server:
            client = server.openai()
            def create(model=OPENAI, text="x", by=client, **more):
                return lambda: by.embeddings.create(model=model, input=text, **more)
            for call, error, code in [
                    (create(by=server.openai("bad-key")), openai.AuthenticationError,
                     "invalid_api_key"),
                    (create(model="unknown"), openai.NotFoundError, "model_not_found"),
                    (create(text=["x", ""]), openai.BadRequestError, None),
                    (create(text=["x"] * 2049), openai.BadRequestError, None),
                    (create(text=[[1, 2]]), openai.BadRequestError, None),
                    (create(dimensions=4000), openai.BadRequestError, None),
                    (create(text=["word " * 6000] * 50), openai.BadRequestError,
                     "max_tokens_per_request"),
                    (create(text="word " * 9000), openai.BadRequestError, None)]:
                with self.assertRaises(error) as raised:
                    call()
                self.assertEqual(raised.exception.code, code)
                self.assertTrue(raised.exception.request_id)

    def test_limits(self):
        with Server("--quota-rpm", "1") as server:
            client = server.openai()
            client.embeddings.create(model=OPENAI, input=TEXTS)  # One call, however many texts.
            with self.assertRaises(openai.RateLimitError) as raised:
                client.embeddings.create(model=OPENAI, input="x")
            self.assertEqual(raised.exception.code, "rate_limit_exceeded")
            self.assertGreater(float(raised.exception.response.headers["retry-after"]), 0)
        with Server("--fault", "insufficient-quota") as server:
            with self.assertRaises(openai.RateLimitError) as raised:
                server.openai().embeddings.create(model=OPENAI, input="x")
            self.assertEqual(raised.exception.code, "insufficient_quota")
        with Server("--fault", "status=429:count=1") as server:
            patient = server.openai().with_options(max_retries=2)
            self.assertTrue(patient.embeddings.create(model=OPENAI, input="x").data)

    def test_server_errors(self):
        for fault, error in [("status=500", openai.InternalServerError),
                             ("plain-error", openai.APIStatusError),
                             ("reset-before-reply", openai.APIConnectionError)]:
            with self.subTest(fault), Server("--fault", fault) as server:
                with self.assertRaises(error):
                    server.openai().embeddings.create(model=OPENAI, input="x")

    def test_gemini_under_openai_names(self):
        with Server() as server:
            client = server.openai(path="/v1beta/openai")
            reply = client.embeddings.create(model=GEMINI, input=TEXTS, dimensions=DIMENSIONS)
            self.assert_close([e.embedding for e in reply.data], embed(server.gemini(), TEXTS))
            with self.assertRaises(openai.BadRequestError):
                client.embeddings.create(model=GEMINI, input=["x"] * 101)
            self.assertIn("models/" + GEMINI, [model.id for model in client.models.list()])


def load_tests(loader, tests, _pattern):
    chosen = unittest.TestSuite()
    for group in tests:
        chosen.addTests(test for test in group if FILTER in test.id())
    return chosen


if __name__ == "__main__":
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"):
        os.environ.pop(name, None)  # No key of the user leaves this machine, nor is it tried.
    unittest.main(argv=sys.argv[:1])
