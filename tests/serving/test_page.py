"""The page in a browser, as a person uses it."""

import base64
import json
import shutil
import subprocess
import threading
import time

import pytest
import uvicorn
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.serving import page_models
from zoo.serving.access import with_token
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.models import Models
from zoo.serving.rest import rest_app

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="Debian's chromium and chromium-driver are not installed",
)
SOON = 20
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    page_models.write(folder)
    extra = folder / "reviews" / "1" / "assets.extra"
    extra.mkdir(exist_ok=True)
    (extra / "README.md").write_text("# Reviews\n\n| <b>data</b> | SST-2 |\n")
    models = Models(folder, Limits())
    models.refresh()
    yield models
    models.stop()


@pytest.fixture
def serve(models, unused_ports):
    """Serves the page; gives its address."""
    running = []

    def serve(token=None):
        app = rest_app(models, Bounds())
        app = app if token is None else with_token(app, token)
        config = uvicorn.Config(app, port=unused_ports[0], log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{unused_ports[0]}/"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(SOON)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *(
            "window-size=900,1400",
            f"user-data-dir={tmp_path_factory.mktemp('profile')}",
        ),
        *("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"),
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def until(browser, holds):
    return WebDriverWait(browser, SOON).until(lambda _: holds())


def card(browser, name):
    def found():
        sections = browser.find_elements(By.TAG_NAME, "section")
        names = [each.find_element(By.TAG_NAME, "h2").text for each in sections]
        return sections[names.index(name)] if name in names else None

    return until(browser, found)


def shown(browser, section, text):
    until(browser, lambda: text in section.text)
    return section


def ask(section, text):
    section.find_element(By.TAG_NAME, "textarea").send_keys(text)
    section.find_element(By.TAG_NAME, "button").click()


def complaints(browser):
    """What the browser's console holds against the page."""
    return [each["message"] for each in browser.get_log("browser")]


def test_every_model_has_a_form_that_fits(browser, serve):
    browser.get(serve())
    for name in page_models.MODELS:
        assert card(browser, name).find_elements(By.TAG_NAME, "form")
    assert complaints(browser) == []


def test_a_card_says_how_a_model_was_made(browser, serve):
    browser.get(serve())
    section = card(browser, "reviews")
    section.find_element(By.TAG_NAME, "summary").click()
    text = section.find_element(By.CSS_SELECTOR, "details pre").text
    assert "# Reviews" in text
    assert "| <b>data</b> | SST-2 |" in text
    assert not card(browser, "translate").find_elements(By.TAG_NAME, "details")


def test_a_translation_with_alternatives_and_attention_by_keyboard(browser, serve):
    browser.get(serve())
    section = card(browser, "translate")
    field = section.find_element(By.TAG_NAME, "textarea")
    field.send_keys("good morning", Keys.CONTROL, Keys.ENTER)
    shown(browser, section, "The same in a shell")
    assert section.find_element(By.CLASS_NAME, "answer").text == "guten Morgen"
    items = section.find_elements(By.TAG_NAME, "li")
    assert [item.text for item in items] == ["guten Morgen -0.50", "Guten Tag -1.25"]
    headers = [each.text for each in section.find_elements(By.CSS_SELECTOR, "th")]
    assert headers == ["", "good", "morning", "guten", "Morgen", "</s>"]
    assert "Morgen ← morning: 80.0 %" in browser.page_source
    shell = section.find_element(By.TAG_NAME, "pre").text
    assert """curl -d '{"inputs":{"text":["good morning"]}}'""" in shell
    assert "/v1/models/translate:predict" in shell
    assert complaints(browser) == []


def test_what_a_model_says_is_text_and_no_markup(browser, serve):
    browser.get(serve())
    section = card(browser, "translate")
    ask(section, "<b>")
    shown(browser, section, "The same in a shell")
    answer = section.find_element(By.CLASS_NAME, "answer")
    assert answer.text == "<i>kein Markup</i>"
    assert not answer.find_elements(By.TAG_NAME, "i")


def test_bars_and_highlighted_spans(browser, serve):
    browser.get(serve())
    section = card(browser, "reviews")
    ask(section, "fine")
    shown(browser, section, "80.0 %")
    bars = [
        each.text.split("\n") for each in section.find_elements(By.CLASS_NAME, "bar")
    ]
    assert bars == [["good", "80.0 %"], ["bad", "20.0 %"]]
    good, bad = (
        each.find_element(By.TAG_NAME, "div").size["width"]
        for each in section.find_elements(By.CLASS_NAME, "bar")
    )
    assert abs(good - 4 * bad) <= 4
    section = card(browser, "entities")
    ask(section, "Änna lives in Rome.")
    shown(browser, section, "The same in a shell")
    marks = [each.text for each in section.find_elements(By.TAG_NAME, "mark")]
    assert marks == ["Ännaperson", "Romeplace"]


def test_a_picture_with_attention_and_a_file_that_is_none(browser, serve, tmp_path):
    browser.get(serve())
    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.png")
    (tmp_path / "text.png").write_text("no picture")
    section = card(browser, "captions")
    chooser = section.find_element(By.CSS_SELECTOR, "input[type=file]")
    chooser.send_keys(str(tmp_path / "red.png"))
    shown(browser, section, "The same in a shell")
    assert section.find_element(By.CLASS_NAME, "answer").text == "a red square"
    captions = [e.text for e in section.find_elements(By.TAG_NAME, "figcaption")]
    assert captions == ["a", "red", "square"]
    canvases = section.find_elements(By.TAG_NAME, "canvas")
    assert len(canvases) == 3
    # Fitted into the square of the grid, with grey above and below.
    column = browser.execute_script(
        "const {width, height} = arguments[0], context = arguments[0].getContext('2d');"
        "return [...context.getImageData(width / 4, 0, 1, height).data];",
        canvases[0],
    )
    pixels = [column[4 * y : 4 * y + 3] for y in (6, 64, 122)]
    is_grey = [len(set(pixel)) == 1 for pixel in pixels]
    assert is_grey == [True, False, True]
    assert complaints(browser) == []
    chooser.send_keys(str(tmp_path / "text.png"))
    shown(browser, section, "This is no PNG.")
    (refused,) = complaints(browser)
    assert "captions:predict" in refused and "400 (Bad Request)" in refused


DROP = """
const [place, name, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([bytes], name));
const drag = (kind) => {
  const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
  place.dispatchEvent(event);
  return event.defaultPrevented && place.classList.contains("over");
};
return [drag("dragover"), drag("dragleave"), drag("dragover"), drag("drop")];
"""


def test_a_picture_is_dropped_and_what_misses_its_place_does_nothing(browser, serve):
    browser.get(serve())
    section = card(browser, "captions")
    place = section.find_element(By.CLASS_NAME, "drop")
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    over = browser.execute_script(DROP, place, "dropped.png", png)
    assert over == [True, False, True, False]
    shown(browser, section, "a red square")
    chooser = section.find_element(By.CSS_SELECTOR, "input[type=file]")
    assert chooser.get_property("value").endswith("dropped.png")
    # To a browser it is no picture.
    shown(browser, section, "Where each piece looked could not be had")
    missed = """
    return [[new File([""], "a.png")], ["a text", "text/plain"]].map((item) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(...item);
      const options = { dataTransfer, bubbles: true, cancelable: true };
      const event = new DragEvent("drop", options);
      document.querySelector("h1").dispatchEvent(event);
      return event.defaultPrevented;
    });
    """
    assert browser.execute_script(missed) == [True, False]  # a text goes into a field


def test_what_fails_beside_an_answer_takes_it_not_away(browser, serve):
    browser.get(serve())
    section = card(browser, "translate")
    ask(section, "alone")
    shown(browser, section, "The same in a shell")
    assert section.find_element(By.CLASS_NAME, "answer").text == "guten Morgen"
    why = "could not be had: assertion failed: [no more about] [alone]"
    assert [each.text for each in section.find_elements(By.CLASS_NAME, "wrong")] == [
        f"Alternatives {why}",
        f"Where each piece looked {why}",
    ]
    assert len(complaints(browser)) == 2


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_command_gives_the_same_in_a_shell(browser, serve, tmp_path):
    browser.get(serve())
    picture = tmp_path / "it's a $(red) one.png"
    Image.new("RGB", (60, 40), "red").save(picture)
    captions, translate = card(browser, "captions"), card(browser, "translate")
    captions.find_element(By.CSS_SELECTOR, "input").send_keys(str(picture))
    ask(translate, 'it\'s "good" \\ $HOME')
    for section, expected in (
        (captions, {"caption": ["a red square"], "score": [-0.1], "error": [""]}),
        (translate, {"translation": ["guten Morgen"], "score": [-0.5]}),
    ):
        shown(browser, section, "The same in a shell")
        (command,) = section.find_elements(By.TAG_NAME, "pre")
        result = subprocess.run(
            ["sh", "-c", command.text], cwd=tmp_path, capture_output=True, text=True
        )
        assert json.loads(result.stdout) == {"outputs": expected}


CONTRASTS = """
const light = (color) => {
  const parts = color.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255);
  const [red, green, blue] = parts.map(
    (x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = (node) => {
  const color = getComputedStyle(node).backgroundColor;
  return color === "rgba(0, 0, 0, 0)" ? ground(node.parentElement) : color;
};
const read = "h1, h2, h3, p, div, label, textarea, button, pre";
return [...document.querySelectorAll(read)]
  .filter((node) => node.innerText?.trim() || node.value)
  .map((node) => [light(getComputedStyle(node).color), light(ground(node))])
  .map(([one, other]) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_be_read_by_day_and_by_night(browser, serve, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(serve())
    section = card(browser, "translate")
    ask(section, "alone")  # an answer, and what is wrong
    shown(browser, section, "The same in a shell")
    ground = browser.execute_script("return getComputedStyle(document.body).background")
    assert ("rgb(23, 24, 26)" in ground) == (scheme == "dark")
    contrasts = browser.execute_script(CONTRASTS)
    assert len(contrasts) > 20 and min(contrasts) >= 4.5  # WCAG 2.2, 1.4.3
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(complaints(browser)) == 2  # about what failed


FOCUSED = """
const node = document.activeElement;
const seen = getComputedStyle(node).outlineStyle !== "none";
return seen ? node.closest("section").querySelector("h2").textContent + " " +
  (node.id || node.textContent).split("\\n")[0] : "";
"""


def test_the_tabulator_goes_from_top_to_bottom(browser, serve):
    browser.get(serve())
    card(browser, "translate")
    order = []
    for _ in range(13):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        order.append(browser.execute_script(FOCUSED))
    assert order == [
        *("captions captions-image_bytes", "captions Ask"),
        *("entities entities-text", "entities Ask"),
        *("reviews How it was made", "reviews reviews-text", "reviews Ask"),
        *("speech speech-audio_bytes", "speech Ask", "speech Record"),
        *("translate translate-text", "translate Ask"),
        "",  # the browser's own
    ]


def test_a_recording_is_sent_as_a_wav_file(browser, serve):
    browser.get(serve())
    section = card(browser, "speech")
    (record,) = [
        each
        for each in section.find_elements(By.TAG_NAME, "button")
        if each.text == "Record"
    ]
    record.click()
    until(browser, lambda: record.text == "Stop")
    time.sleep(0.5)
    record.click()
    shown(browser, section, "seven")
    assert "recording.wav" in section.text
    chooser = section.find_element(By.CSS_SELECTOR, "input[type=file]")
    assert chooser.get_property("value").endswith("recording.wav")
    saved = section.find_element(By.LINK_TEXT, "Save the recording")
    assert saved.get_attribute("download") == "recording.wav"
    assert complaints(browser) == []


def test_an_empty_form_says_what_is_missing(browser, serve):
    browser.get(serve())
    section = card(browser, "captions")
    (send,) = section.find_elements(By.CSS_SELECTOR, "form > button")
    send.click()
    wrong = until(browser, lambda: section.find_elements(By.CLASS_NAME, "wrong"))
    assert [each.text for each in wrong] == ["Choose a file first."]


def test_a_server_that_is_gone_is_told_in_words(browser, serve):
    browser.get(serve())
    section = card(browser, "reviews")
    browser.execute_script("window.fetch = () => Promise.reject(new Error())")
    ask(section, "fine")
    (wrong,) = until(browser, lambda: section.find_elements(By.CLASS_NAME, "wrong"))
    assert wrong.text == "The server does not answer. Is it still running?"


def test_a_token_is_asked_for(browser, serve):
    browser.get(serve(TOKEN))
    for wrong in ("wrong", "ü"):
        field = until(browser, lambda: browser.find_elements(By.ID, "token"))[0]
        field.send_keys(wrong, Keys.ENTER)
        until(browser, lambda: browser.find_elements(By.CLASS_NAME, "wrong"))
    (told,) = browser.find_elements(By.CLASS_NAME, "wrong")
    assert told.text == "That is not its token."
    browser.find_element(By.ID, "token").send_keys(TOKEN, Keys.ENTER)
    section = card(browser, "reviews")
    ask(section, "fine")
    shown(browser, section, "Authorization: Bearer TOKEN")
    assert TOKEN not in section.text


def test_nothing_is_wider_than_a_phone(browser, serve):
    browser.set_window_size(500, 900)
    browser.get(serve())
    section = card(browser, "translate")
    ask(section, "good morning")
    shown(browser, section, "The same in a shell")
    width = "return document.documentElement.scrollWidth - window.innerWidth"
    assert browser.execute_script(width) <= 0
    browser.set_window_size(900, 1400)
