"""Pictures of the page: `python -m tests.page.screenshots [--out docs/images]`.

They show one fixed board at one fixed time, so that they differ only where the page does. With `--report` there is
one more: the report of a demo, for which that is run (it differs each time).
"""

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.page.boards import for_pictures
from tests.page.browser import chromium, page_of
from tests.page.fake import fake_daemon
from tests.page.test_report import demo_report

NOW = 1_795_600_000.0
PICTURES: dict[str, dict[str, Any]] = {
    "desktop": {"width": 1360, "height": 820},
    "phone": {"width": 390, "height": 844},
    "dark": {"width": 1360, "height": 820, "color_scheme": "dark"},
    "he": {"width": 1360, "height": 820, "locale": "he-IL"},
}


async def take(out: Path) -> None:
    async with chromium() as browser, fake_daemon(for_pictures(NOW)) as daemon:
        for name, options in PICTURES.items():
            async with page_of(browser, **options) as page:
                await page.clock.install(time=NOW - 1)
                await page.clock.pause_at(NOW)
                await page.goto(daemon.url)
                for _ in range(100):
                    await page.clock.run_for(20)  # a frame or so, in which what has come is drawn
                    if await page.locator("#rows .row").count():
                        break
                await page.clock.run_for(100)
                await page.screenshot(path=out / f"page-{name}.png")


async def take_report(to: Path) -> None:
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        await demo_report(report, seconds=30, agents=20)
        text = report.read_text("utf-8")
    async with chromium() as browser, page_of(browser, 1000, 1300) as page:
        await page.set_content(text)
        await page.screenshot(path=to)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.page.screenshots", description="Pictures of the page.")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--report", action="store_true", help="of the report of a demo, too")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(given.out))
    if given.report:
        asyncio.run(take_report(given.out / "audit-report.png"))


if __name__ == "__main__":
    main()
