"""The cost model of `infra/README.md` adds up: what is priced by units is so many of them, and each sum is of its lines."""

import re
import unittest

from templates import ROOT

#: List prices of a million, as the model says them.
PRICES = {"write": 0.625, "read": 0.125, "PUT": 5.0, "GET": 0.40}

WORDS = {"one": 1, "two": 2, "three": 3}


def section(title):
    text = (ROOT / "infra/README.md").read_text()
    return re.search(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


def tables():
    """Each table as (line, price) pairs; a price that is no number alone is left out."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", section("What it costs"), re.MULTILINE):
        rows = [[cell.strip() for cell in row.strip("|\n").split("|")] for row in block.splitlines()[2:]]
        found.append([(line, float(price.strip("*"))) for line, price in rows if re.fullmatch(r"\**[\d.]+\**", price)])
    return found


class Costs(unittest.TestCase):
    def test_each_sum_is_of_the_lines_before_it(self):
        sums = 0
        for table in tables():
            so_far = 0.0
            for line, price in table:
                if line.startswith("**together**"):
                    self.assertAlmostEqual(price, so_far, delta=0.011, msg=line)
                    sums, so_far = sums + 1, price
                else:
                    so_far += price
        self.assertEqual(sums, 3)

    def test_what_is_priced_by_units_is_so_many_of_them(self):
        for name, price in (("write units", 0.625), ("read units", 0.125), ("PUTs", 5)):
            self.assertRegex(" ".join(section("What it costs").split()), rf"{price}(?: USD)? for a million {name}")
        checked = 0
        for line, price in (one for table in tables() for one in table):
            # Alone in a line, or with its own price behind it.
            for many, kind, own in re.findall(r"(\d+|one|two|three) (write|read|PUT|GET)(?: units?|s)?(?: \(([\d.]+)\))?", line):
                many = WORDS.get(many) or int(many)
                if own:
                    self.assertAlmostEqual(float(own), many * PRICES[kind], delta=0.006, msg=line)
                    checked += 1
                elif re.match(rf"(DynamoDB|S3): (about )?{many}|S3: one", line):
                    self.assertAlmostEqual(price, many * PRICES[kind], delta=0.006, msg=line)
                    checked += 1
        self.assertGreaterEqual(checked, 8)

    def test_a_small_statement_costs_no_more_than_it_may(self):
        path, _, afterwards, _ = tables()
        [alone, with_channels] = [price for line, price in path if line.startswith("**together**")]
        # What a million of them may cost while an agent waits.
        self.assertLessEqual(with_channels, 15)
        all_done = dict(afterwards)["**together**"]
        said = " ".join(section("What it costs").split())
        self.assertIn(f"cost {alone + all_done:.2f} USD when all is done, {with_channels + all_done:.2f} with channels", said)
        [rarely] = [price for line, price in tables()[1] if line.startswith("asked less often")]
        self.assertIn(f"channels a million costs {with_channels + rarely:.2f}", said)


if __name__ == "__main__":
    unittest.main()
