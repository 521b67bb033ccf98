"""Says the results of `meson test` (its testlog.json) as tests/run reads them: meson_results.py LOG [PART OF A NAME]..."""

import json
import os
import sys

SHOWN = 20000  # characters of a failing test's output


def main():
    log, *words = sys.argv[1:]
    if not os.path.exists(log):
        print("not ok unit: meson ran no test")
        sys.exit(1)
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            test = json.loads(line)
            name = test["name"].split(" / ")[-1]
            output = (test.get("stdout") or "") + (test.get("stderr") or "")
            if words and not any(word in name for word in words):
                continue
            if test["result"] in ("OK", "EXPECTEDFAIL"):
                print("ok unit/" + name)
            elif test["result"] == "SKIP":
                print("skip unit/%s: %s" % (name, output.strip().replace("\n", " ") or "it gave no reason"))
            else:
                print("not ok unit/%s: %s\n    %s" % (name, test["result"], output[-SHOWN:].replace("\n", "\n    ")))


if __name__ == "__main__":
    main()
