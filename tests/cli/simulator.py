# SPDX-License-Identifier: Apache-2.0
"""The local Gemini simulator as a process, and as the judge of what is right."""

import collections
import hashlib
import http.client
import json
import re
import subprocess

MAX_SECONDS = 1800  # Whatever happens to the tests, no server outlives them for long.


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def tokens_of(text):
    """As the simulator counts them."""
    return max(1, -(-len(text) // 4))


class Simulator:
    """embstore-simulator on a free port, with a log of every text it billed."""

    def __init__(self, program, log, *flags):
        self.log = log
        command = [program, "--port", "0", "--max-seconds", str(MAX_SECONDS)]
        if log is not None:
            command += ["--billing-log", log]
        self._process = subprocess.Popen([*command, *map(str, flags)], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self._process.stdout.readline().decode()
        if not line.startswith("listening on "):
            said = self._process.stderr.read().decode()
            raise RuntimeError("the simulator did not start: " + said)
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self._calls = None

    def billed(self):
        """The SHA-256 of every text that was billed so far, in order, with repetitions."""
        return [line.split()[0] for line in self.log.read_text().splitlines()]

    def billed_twice(self):
        """How often a text was billed that had been billed before."""
        return sum(count - 1 for count in collections.Counter(self.billed()).values())

    def stop(self):
        """Ends the server. Answers how many calls it got."""
        if self._calls is None:
            self._process.terminate()
            _, said = self._process.communicate()
            summary = re.search(rb"(\d+) calls, (\d+) texts billed", said)
            self._calls = int(summary[1]) if summary else -1
        return self._calls


class Oracle(Simulator):
    """Answers which vectors the real texts have. Never does wrong, is never billed."""

    def __init__(self, program):
        super().__init__(program, None)

    def vectors(self, texts, dimensions=128, model="gemini-embedding-001",
                task_type="CLUSTERING"):
        vectors = []
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for at in range(0, len(texts), 100):
            requests = [{"model": "models/" + model, "taskType": task_type,
                         "outputDimensionality": dimensions,
                         "content": {"parts": [{"text": text}]}} for text in texts[at:at + 100]]
            connection.request("POST", f"/v1beta/models/{model}:batchEmbedContents",
                               json.dumps({"requests": requests}),
                               {"x-goog-api-key": "oracle", "Content-Type": "application/json"})
            reply = json.loads(connection.getresponse().read())
            vectors += [embedding["values"] for embedding in reply["embeddings"]]
        connection.close()
        return vectors

    def openai_vectors(self, texts, dimensions=256, model="text-embedding-3-small"):
        """As the API of OpenAI gives them, in one call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/v1/embeddings",
                           json.dumps({"model": model, "input": texts, "dimensions": dimensions}),
                           {"Authorization": "Bearer oracle", "Content-Type": "application/json"})
        reply = json.loads(connection.getresponse().read())
        connection.close()
        return [item["embedding"] for item in reply["data"]]
