"""bench/bot.sh [--json FILE] [--data FOLDER] [--no-peers]: the bot's understanding on public sets, beside NLP.js and fastText on the same files.

FOLDER (or $NLU_DATA) holds banking77/, clinc150/ and crosswoz-acts-zh/ with train.tsv and test.tsv (`label TAB text`), clinc150 also oos_test.tsv; docs/bot.md says where
they come from. Without it the small slice in tests/data/nlu is taken: enough to see that everything runs, not to compare.

Every program is its own process: training time and peak memory are that process's, one after another. fastText (Debian) and node-nlp (npm) are installed when they are missing
and it can be done; what cannot be had is left out and said. NLP.js gets its corpus shuffled with a fixed seed: grouped by intent, as it usually comes, it is far worse.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "build", "stablehand")
NPM = os.path.join(ROOT, "build", "bench-npm")
NODE_NLP = "node-nlp@4.27.0"

# name, folder, language, out-of-scope file, targets
SETS = [
    ("banking77", "banking77", "en", None, {"accuracy": 0.925, "train_s": -10, "peak_mb": -120, "questions_per_s": 20000, "ece": -0.03}),
    ("clinc150", "clinc150", "en", "oos_test.tsv", {"accuracy": 0.933, "oos_auroc": 0.955, "oos_recall_at_5": 0.8, "ece": -0.03}),
    ("crosswoz", "crosswoz-acts-zh", "zh", None, {"accuracy": 0.860, "ece": -0.03}),
]
SLICE = [("slice", "", "en", "oos.tsv", {})]


def rows_of(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t", 1) for line in f if line.strip()]


def run(args, **kw):
    """Output, wall seconds, peak MB of one child."""
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        child = subprocess.Popen(args, stdout=out, stderr=subprocess.DEVNULL, **kw)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError(f"{args[0]} {args[1]}: exit code {child.returncode}")
        out.seek(0)
        return out.read().decode("utf-8"), seconds, usage.ru_maxrss / 1024


def auroc(inside, outside):
    both = sorted([(s, 1) for s in inside] + [(s, 0) for s in outside])
    ranks, i = 0.0, 0
    while i < len(both):
        j = i
        while j < len(both) and both[j][0] == both[i][0]:
            j += 1
        ranks += sum(k for _, k in both[i:j]) * (i + j + 1) / 2
        i = j
    return (ranks - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside))


def ours(folder, oos):
    args = [BINARY, "bot", "eval", "--train", f"{folder}/train.tsv", "--test", f"{folder}/test.tsv", "--json"]
    out, _, _ = run(args + (["--oos", f"{folder}/{oos}"] if oos else []))
    return json.loads(out)


def fasttext(folder, lang, oos, work):
    """Settings that were best of several on training data (docs/bot.md)."""
    def write(name, rows):
        path = os.path.join(work, name)
        with open(path, "w", encoding="utf-8") as f:
            for label, text in rows:
                words = " ".join(text.lower()) if lang == "zh" else text.lower()
                f.write(f"__label__{label.replace(' ', '_')} {words}\n")
        return path
    train, test = rows_of(f"{folder}/train.tsv"), rows_of(f"{folder}/test.tsv")
    random.Random(7).shuffle(train)
    many = len({label for label, _ in train}) > 100
    options = ["-lr", "1.0", "-dim", "50"] if lang == "zh" or many else ["-lr", "0.5", "-dim", "100"]
    if lang == "en":
        options += ["-minn", "2", "-maxn", "5", "-bucket", "200000"]
    model = os.path.join(work, "ft")
    _, train_s, peak = run(["fasttext", "supervised", "-input", write("train", train), "-output", model, "-thread", "1", "-epoch", "50",
                            "-wordNgrams", "2", "-verbose", "0"] + options)
    def ask(rows, name):
        out, seconds, _ = run(["fasttext", "predict-prob", model + ".bin", write(name, rows), "1"])
        return [line.rsplit(" ", 1) for line in out.splitlines()], seconds
    answers, _ = ask(test, "test")
    f = {"accuracy": sum(a[0] == "__label__" + label.replace(" ", "_") for a, (label, _) in zip(answers, test)) / len(test), "train_s": train_s, "peak_mb": peak}
    _, load_s = ask(test[:1], "one")
    many_rows = test * (1 + 60000 // len(test))
    _, all_s = ask(many_rows, "many")
    f["questions_per_s"] = len(many_rows) / max(all_s - load_s, 1e-6)
    if oos:
        outside, _ = ask(rows_of(f"{folder}/{oos}"), "oos")
        f["oos_auroc"] = auroc([float(a[1]) for a in answers], [float(a[1]) for a in outside])
    return f


NLPJS = r"""
const { NlpManager } = require('node-nlp');
const fs = require('fs');
const [train, test, oos, lang] = process.argv.slice(2);
const rows = (f) => fs.readFileSync(f, 'utf8').split('\n').filter(Boolean).map((l) => { const t = l.indexOf('\t'); return [l.slice(0, t), l.slice(t + 1)]; });
(async () => {
  const m = new NlpManager({ languages: [lang], autoSave: false, autoLoad: false, forceNER: false, nlu: { log: false } });
  for (const [label, text] of rows(train)) m.addDocument(lang, text, label);
  const t0 = process.hrtime.bigint();
  await m.train();
  const t1 = process.hrtime.bigint();
  const ask = async (f) => { const r = []; for (const [label, text] of rows(f)) { const a = await m.process(lang, text); r.push([a.intent === label, a.intent === 'None' ? 0 : a.score]); } return r; };
  const a = await ask(test);
  const t2 = process.hrtime.bigint();
  const o = oos ? await ask(oos) : [];
  fs.writeFileSync(1, JSON.stringify({ right: a.map((x) => x[0]), score: a.map((x) => x[1]), oos: o.map((x) => x[1]), train_s: Number(t1 - t0) / 1e9, ask_s: Number(t2 - t1) / 1e9 }));
})();
"""


def nlpjs(folder, lang, oos, work):
    train = rows_of(f"{folder}/train.tsv")
    random.Random(7).shuffle(train)
    shuffled = os.path.join(work, "shuffled.tsv")
    with open(shuffled, "w", encoding="utf-8") as f:
        f.writelines(f"{label}\t{text}\n" for label, text in train)
    script = os.path.join(NPM, "ask.cjs")
    with open(script, "w", encoding="utf-8") as f:
        f.write(NLPJS)
    out, _, peak = run(["node", script, shuffled, f"{folder}/test.tsv", f"{folder}/{oos}" if oos else "", lang])
    r = json.loads(out[out.index('{"right"'):])
    f = {"accuracy": sum(r["right"]) / len(r["right"]), "train_s": r["train_s"], "peak_mb": peak, "questions_per_s": len(r["right"]) / r["ask_s"]}
    if oos:
        f["oos_auroc"] = auroc(r["score"], r["oos"])
    return f


def have_fasttext():
    if not shutil.which("fasttext") and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "fasttext"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return shutil.which("fasttext") is not None


def have_nlpjs():
    if not os.path.isdir(os.path.join(NPM, "node_modules", "node-nlp")):
        os.makedirs(NPM, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", NPM, "--no-save", "--no-audit", "--no-fund", NODE_NLP], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    return os.path.isdir(os.path.join(NPM, "node_modules", "node-nlp"))


COLUMNS = [("accuracy", "accuracy", 100, "%.2f"), ("macro_f1", "macro F1", 100, "%.2f"), ("ece", "ECE", 1, "%.3f"), ("oos_auroc", "AUROC", 1, "%.3f"),
           ("in_scope_accuracy_at_5", "in@5", 100, "%.1f"), ("oos_recall_at_5", "oos@5", 100, "%.1f"), ("train_s", "train s", 1, "%.2f"),
           ("questions_per_s", "q/s", 1, "%.0f"), ("peak_mb", "peak MB", 1, "%.0f")]


def print_row(name, f):
    cells = ["%-12s" % name] + [("%9s" % (form % (f[key] * scale)) if f.get(key) is not None else "%9s" % "-") for key, _, scale, form in COLUMNS]
    print(" ".join(cells), flush=True)


def misses(f, targets):
    out = []
    for key, target in targets.items():
        if f[key] < target if target > 0 else f[key] > -target:
            out.append(f"{key} {f[key]:.4g} (target {abs(target):g})")
    return out


def main():
    args = sys.argv[1:]
    options = {"--json": None, "--data": os.environ.get("NLU_DATA")}
    peers = "--no-peers" not in args
    for name in options:
        if name in args:
            options[name] = args[args.index(name) + 1]
    data, sets = options["--data"], SETS
    if not data:
        data, sets = os.path.join(ROOT, "tests", "data", "nlu"), SLICE
        print("no --data FOLDER and no $NLU_DATA: the small slice in tests/data/nlu, for a look only")
    others = []
    if peers:
        others = [("fastText", fasttext, have_fasttext()), ("NLP.js", nlpjs, have_nlpjs())]
        for name, _, there in others:
            if not there:
                print(f"{name} is not to be had here: left out")
    figures, missed = {}, []
    for name, sub, lang, oos, targets in sets:
        folder = os.path.join(data, sub)
        print(f"\n{name}\n" + " ".join(["%-12s" % ""] + ["%9s" % title for _, title, _, _ in COLUMNS]))
        f = ours(folder, oos)
        print_row("stablehand", f)
        figures.update({f"{name}_{key}": value for key, value in f.items() if value is not None})
        missed += [f"{name}: {m}" for m in misses(f, targets)]
        for other, measure, there in others:
            if not there:
                continue
            with tempfile.TemporaryDirectory() as work:
                f = measure(folder, lang, oos, work)
            print_row(other, f)
            figures.update({f"{name}_{other.lower().replace('.', '')}_{key}": value for key, value in f.items()})
    print("\n" + ("below target: " + "; ".join(missed) if missed else "every target met" if sets is SETS else ""))
    if options["--json"]:
        with open(options["--json"], "w", encoding="utf-8") as f:
            json.dump({"bot": figures}, f)


main()
