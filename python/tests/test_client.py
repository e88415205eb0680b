"""The client against a stub that answers in the recorded shapes of the server."""

import asyncio
import json
import threading
import types
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pgenrm_client import (
    Client,
    Item,
    RewardError,
    openrlhf_reward_func,
    slime_group_reward,
    trl_reward,
    verifiers_reward,
    verl_compute_score,
)


def judged(candidates):
    scores = [1 + len(text) % 10 for text in candidates]
    return {
        "scores": scores,
        "rewards": [(score - 1) / 9 for score in scores],
        "comparison": {"kind": "gathered", "size": 4},
    }


class Stub(BaseHTTPRequestHandler):
    """``server.script`` holds answers to give first, as (status, headers, body); then texts are scored by their length."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        with server.lock:
            server.seen.append((self.path, body, dict(self.headers)))
            scripted = server.script.pop(0) if server.script else None
        status, headers, answer = scripted or (200, {}, self.answer(body))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.send_header("content-type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer(self, body):
        if self.path == "/get_reward":
            return {"rewards": [0.5] * len(body["query"]), "scores": [0.5] * len(body["query"]), "extra_logs": {}}
        if "inputs" not in body:
            return judged(body["candidates"])
        results = []
        for index, item in enumerate(body["inputs"]):
            if any("lost" in text for text in item["candidates"]):
                error = {"code": "NO_USABLE_CHAIN", "message": "lost", "param": None}
                results.append({"index": index, "error": error})
            else:
                results.append({"index": index, **judged(item["candidates"])})
        return {"results": results}

    def log_message(self, *_):
        pass


def failure(code, message="m"):
    return {"error": {"code": code, "message": message, "param": None}, "message": message}


class WithServer(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
        self.server.lock = threading.Lock()
        self.server.script = []
        self.server.seen = []
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.client = Client(self.url, patience=5, token="a-token")

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self):
        return [body for _, body, _ in self.server.seen]


class TestClient(WithServer):
    def test_judges(self):
        outcome = self.client.judge(Item(["a", "bbb"], prompt="p", user="ann"))
        self.assertEqual(outcome.scores, [2, 4])
        self.assertEqual(outcome.rewards, [1 / 9, 3 / 9])
        path, body, headers = self.server.seen[0]
        self.assertEqual((path, body), ("/v1/judge", {"candidates": ["a", "bbb"], "prompt": "p", "user": "ann"}))
        self.assertEqual(headers["authorization"], "Bearer a-token")

    def test_asks_again_after_what_passes(self):
        self.server.script = [
            (429, {"retry-after": "0"}, failure("QUEUE_FULL")),
            (503, {}, failure("LOADING")),
        ]
        self.assertEqual(self.client.judge(Item(["a", "b"], prompt="p")).scores, [2, 2])
        self.assertEqual(len(self.server.seen), 3)

    def test_does_not_ask_again_after_what_stays(self):
        for status, code in [(400, "INVALID_OPTION"), (422, "NO_ANCHORS"), (500, "NO_USABLE_CHAIN"), (504, "TIMED_OUT")]:
            self.server.script = [(status, {}, failure(code))]
            with self.assertRaises(RewardError) as caught:
                self.client.judge(Item(["a", "b"], prompt="p"))
            self.assertEqual((caught.exception.code, caught.exception.status), (code, status))
        self.assertEqual(len(self.server.seen), 4)

    def test_is_told_of_other_servers_and_of_none(self):
        self.server.script = [(200, {}, b"<html>"), (404, {}, b"no")]
        for _ in range(2):
            with self.assertRaises(RewardError) as caught:
                self.client.judge(Item(["a", "b"], prompt="p"))
            self.assertEqual(caught.exception.code, "NOT_PGENRM")
        with self.assertRaises(RewardError) as caught:
            Client("http://127.0.0.1:1", patience=0.3).judge(Item(["a", "b"], prompt="p"))
        self.assertEqual(caught.exception.code, "UNREACHABLE")
        with self.assertRaises(ValueError):
            Client("127.0.0.1:8377")

    def test_half_characters_are_sent(self):
        self.client.judge(Item(["a\ud800", "b"], prompt="p"))
        self.assertEqual(self.bodies()[0]["candidates"][0], "a?")


class TestFunctions(WithServer):
    def test_trl_groups_a_batch_and_leaves_out_what_has_no_score(self):
        logged = {}
        reward = trl_reward(self.client)
        self.assertEqual(reward.__name__, "pgenrm_reward")
        self.assertTrue(asyncio.iscoroutinefunction(reward))
        prompts = [[{"role": "user", "content": text}] for text in ["p", "p", "p", "q", "q"]]
        completions = [[{"role": "assistant", "content": text}] for text in ["a", "bb", "a", "lost", "c"]]
        rewards = asyncio.run(
            reward(
                prompts=prompts,
                completions=completions,
                completion_ids=[[1]] * 5,
                user_id=["ann"] * 3 + [7, 7],
                criteria=[None] * 3 + ["Short."] * 2,
                trainer_state=None,
                log_extra=lambda name, values: logged.update({name: values}),
                log_metric=lambda name, value: logged.update({name: value}),
            )
        )
        self.assertEqual(rewards, [1 / 9, 2 / 9, 1 / 9, None, None])
        (body,) = self.bodies()
        self.assertEqual([one["candidates"] for one in body["inputs"]], [["a", "bb"], ["lost", "c"]])
        self.assertEqual(body["inputs"][0]["user"], "ann")
        self.assertEqual(logged["pgenrm/no_score"], 0.4)
        self.assertEqual(logged["pgenrm_score"], [2, 3, 2, None, None])
        self.assertEqual(logged["pgenrm_error"][3], "NO_USABLE_CHAIN")

    def test_trl_raises_where_nothing_has_a_score(self):
        with self.assertRaises(RewardError):
            asyncio.run(trl_reward(self.client)(prompts=["p", "p"], completions=["lost", "b"]))

    def test_trl_takes_plain_text(self):
        history = [{"prompt": "q", "chosen": "c", "rejected": "r"}]
        rewards = asyncio.run(
            trl_reward(self.client)(prompts=["p", "p"], completions=["a", "bb"], history=[history] * 2)
        )
        self.assertEqual(rewards, [1 / 9, 2 / 9])
        self.assertEqual(self.bodies()[0]["inputs"][0]["user"], {"history": history})

    def test_verl_gives_the_same_keys_for_every_sample(self):
        score = verl_compute_score(self.client)
        info = {"prompt": "p", "user": "ann", "group_size": 4}
        first = asyncio.run(score(data_source="d", solution_str="abc", ground_truth="", extra_info=info))
        self.assertEqual(first, {"score": 3 / 9, "raw_score": 4, "group_size": 4.0})
        self.assertEqual(self.bodies()[0]["groupSize"], 4)
        with self.assertRaises(RewardError):
            asyncio.run(score(data_source="d", solution_str="abc", ground_truth="", extra_info={}))
        self.server.script = [(500, {}, failure("NO_USABLE_CHAIN"))]
        with self.assertRaises(RewardError):
            asyncio.run(score(solution_str="abc", extra_info=info))

    def test_openrlhf(self):
        answer = openrlhf_reward_func(self.client)(["pa"], ["p"], [{"user": "ann"}])
        self.assertEqual(answer["rewards"], [0.5])
        self.assertEqual(json.loads(self.bodies()[0]["labels"][0]), {"user": "ann"})

    def test_slime_compares_all_samples_of_a_prompt(self):
        samples = [
            types.SimpleNamespace(prompt="p", response=text, metadata={"user_id": "ann"}) for text in ["a", "bbb"]
        ]
        self.assertEqual(asyncio.run(slime_group_reward(self.client)(None, samples)), [1 / 9, 3 / 9])
        self.assertEqual(len(self.bodies()[0]["inputs"]), 1)
        samples[0].response = "lost"
        with self.assertRaises(RewardError):
            asyncio.run(slime_group_reward(self.client)(None, samples))

    def test_verifiers(self):
        reward = verifiers_reward(self.client)
        trace = types.SimpleNamespace(
            prompt=[{"role": "user", "content": "p"}],
            completion=[{"role": "assistant", "content": "ab"}],
            info={"user": "ann"},
        )
        self.assertEqual(asyncio.run(reward(trace)), 2 / 9)
        self.assertEqual(asyncio.run(reward(prompt="p", completion="ab", info={})), 2 / 9)


if __name__ == "__main__":
    unittest.main()
