"""The whole recipe, tiny: prior, tokenizer, shards, training in its three stages, GGUF, evaluation.

Checks that every step runs and fits the next; says nothing of quality.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", required=True)
    args.add_argument("--minutes", type=float, default=0.5)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as run:
        config = json.loads((HERE / "configs/cpu.json").read_text())
        config["model"].update(dim=64, layers=6, heads=2, ffn=128, vocab=2048)
        config["train"].update(minutes=args.minutes)
        for stage in config["data"]:
            stage.update(shards=1, groups_per_shard=40)
        for stage in config["train"]["stages"]:
            stage["batch_tokens"] = 3000
        (pathlib.Path(run) / "config.json").write_text(json.dumps(config))
        spell = pathlib.Path(run) / "spell"
        spell.mkdir()
        for name in ("tokenizer.json", "shards"):
            (spell / name).symlink_to(pathlib.Path(run) / name)
        common, paths = ["--data", args.data], ["--run", run]
        short = ["--minutes", str(args.minutes / 4), "--copies", "2", "--users", "1"]
        configured = ["--config", f"{run}/config.json", *paths]
        for step in (["fit_prior.py", *common, "--out", f"{run}/prior.json", "--steps", "20", "--restarts", "1"],
                     ["tokenizer.py", *common, "--out", f"{run}/tokenizer.json", "--size", "2048"],
                     ["make_data.py", *configured, *common],
                     ["train.py", *configured],
                     ["train.py", "--config", f"{run}/config.json", "--run", f"{run}/spell", "--start", run, "--minutes", str(args.minutes / 4)],
                     ["grpo.py", *configured, *common, "--out", f"{run}/cre", "--stage", "cre", *short],
                     ["grpo.py", "--config", f"{run}/config.json", "--run", f"{run}/cre", "--out", f"{run}/curriculum", *common,
                      "--stage", "curriculum", *short],
                     ["plot_log.py", "--log", f"{run}/log.csv", "--out", f"{run}/log.svg"],
                     ["export_gguf.py", "--run", f"{run}/curriculum", "--out", f"{run}/nano.gguf", "--embedder", "nano-embedder.gguf"],
                     ["train_embedder.py", *paths, *common, "--out", f"{run}/embedder", "--layers", "2", "--minutes", str(args.minutes / 4)],
                     ["export_gguf.py", "--run", f"{run}/embedder", "--out", f"{run}/nano-embedder.gguf", "--embeds"],
                     ["evaluate_forced.py", *paths, *common, "--rows", "4"],
                     ["evaluate.py", *paths, *common, "--rows", "4", "--chains", "2"]):
            print("==", " ".join(step), flush=True)
            subprocess.run([sys.executable, str(HERE / step[0]), *step[1:]], check=True)
        for name in ("nano.gguf", "nano-embedder.gguf"):
            assert (pathlib.Path(run) / name).stat().st_size > 100_000, name
    print("smoke run passed")


if __name__ == "__main__":
    main()
