"""Links of the READMEs lead to what is there: a file, and a heading in it."""

import re
import unittest

from templates import ROOT

PAGES = ("README.md", "infra/README.md")


def anchors(page):
    """The headings of a page as links name them."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_heading(self):
        seen = 0
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
                if re.match(r"\w+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
                self.assertTrue(file.exists(), f"{page}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(file.relative_to(ROOT)), f"{page}: {target}")
                    seen += 1
        self.assertGreater(seen, 3)
