"""Two hands for a page, a mouse and a keyboard, and who walks through the console with one of them: forms are filled and sent, and what comes back is looked at.

Nothing here knows a page of the console.
"""

from visitors import picture_of


class Spoiled(str):
    """A value that the page does not offer, as a page has that is out of date, or a browser that checks nothing."""


# Where the focus is and how many times Tab leads from there to the element; and a listener for what gets the focus without showing it.
WAY = """element => {
    window.faint ??= (addEventListener("focusin", ({ target }) => {
        const style = getComputedStyle(target);
        if (target.id !== "content" && !target.shadowRoot && (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2))
            window.faint.push(target.textContent.trim() || target.name || target.id);
    }, true), []);
    const takes = one => !one.disabled && one.tabIndex >= 0 && one.type !== "hidden" && one.checkVisibility()
        && (one.type !== "radio" || one.checked || ![...one.form.elements[one.name]].some(other => other.checked));
    const modal = document.querySelector("dialog[open]");
    const all = [...(modal ?? document).querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex], .query-editor")]
        .filter(one => one.matches(".query-editor") || takes(one));
    const active = document.activeElement;
    const at = active === document.body ? -1 : all.includes(active) ? all.indexOf(active)
        : all.findIndex(one => active.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) - 1;
    return all.indexOf(element) - at;
}"""
# A part that a script asks for again and again stays as it is: a copy is not known to the script.
STILL = "() => document.querySelectorAll('[hx-trigger]').forEach(part => part.replaceWith(part.cloneNode(true)))"
ASKS = "button => (button.dataset.confirm ?? button.form?.dataset.confirm) !== undefined"
SPOIL = """(field, value) => {
    if (field instanceof HTMLSelectElement) field.add(new Option(value, value, true, true));
    field.value = value;
}"""


class Mouse:
    """With scripts or without."""

    def __init__(self, one):
        self.one, self.page = one, one.page

    def put(self, field, value):
        kind = field.evaluate("field => field.type")
        if kind == "radio":
            self.alternative(field, value).check()
        elif kind == "checkbox":
            field.set_checked(value)
        elif kind == "select-one":
            field.select_option(value)
        elif editor := self.editor_of(field):
            editor.click()
            self.write(value)
            self.page.keyboard.press("Escape")
        else:
            self.unfolded(field).fill(value)

    def press(self, element):
        """Returns the answer of the page to which it leads."""
        asked = self.is_asked_first(self.unfolded(element))
        with self.page.expect_navigation() as waited:
            element.click()
            if asked:
                self.page.click("dialog[open] .go")
        return waited.value

    def point(self, element):
        element.click()

    # What a page is made of

    def unfolded(self, element):
        """The element, once what it is folded into is open."""
        if not element.is_visible():
            self.point(element.locator("xpath=ancestor::details[not(@open)][1]/summary"))
        return element

    def alternative(self, field, value):
        return self.page.locator(f'[name="{field.get_attribute("name")}"][value="{value}"]')

    def is_asked_first(self, element):
        """Whether a script asks before the form is sent."""
        return self.one.scripts and element.evaluate(ASKS)

    def editor_of(self, field):
        """What a script has put in the place of a field of several lines."""
        editor = self.page.locator(".query-editor")
        return editor if field.evaluate("field => field.localName === 'textarea'") and editor.count() else None

    def write(self, value):
        """A text in the place of the one of the field that has the focus."""
        self.page.keyboard.press("Control+A")
        # Replaced in one step, a marked text leaves its marks' style to the new one, which the page's policy refuses and the browser tells.
        self.page.keyboard.press("Delete")
        if value:
            self.page.keyboard.insert_text(value)


class Keyboard(Mouse):
    """Keys alone."""

    def reach(self, element):
        """Presses Tab until the element has the focus."""
        # A field for a time has several places at which Tab halts.
        for _ in range(15):
            way = element.evaluate(WAY)
            if way > 15 and self.page.evaluate("() => document.activeElement === document.body"):
                # The first thing of a page leads past its menu.
                self.page.keyboard.press("Tab")
                self.page.keyboard.press("Enter")
                way = element.evaluate(WAY)
            for _ in range(abs(way)):
                self.page.keyboard.press("Tab" if way > 0 else "Shift+Tab")
            if element.evaluate("element => element === document.activeElement"):
                faint = self.page.evaluate("() => window.faint")
                assert not faint, f"nothing shows that these have the focus: {faint}"
                return
        raise AssertionError(f"Tab does not lead to {element}, but to {self.one.focused()}")

    def put(self, field, value):
        kind = field.evaluate("field => field.type")
        if kind == "radio":
            self.reach(self.page.locator(f'[name="{field.get_attribute("name")}"]:checked'))
            self._until(self.alternative(field, value).is_checked)
        elif kind == "checkbox":
            if field.is_checked() != value:
                self.reach(field)
                self.page.keyboard.press("Space")
        elif kind == "select-one":
            self.reach(field)
            self.page.keyboard.press("Home")
            self._until(lambda: field.input_value() == value)
        else:
            editor = self.editor_of(field)
            self.reach(editor or self.unfolded(field))
            self.write(value)
            if editor:
                # The names that it offers close, and Tab leads on.
                self.page.keyboard.press("Escape")

    def _until(self, chosen, most=40):
        for _ in range(most):
            if chosen():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError("the arrow keys do not lead to the choice")

    def press(self, element):
        self.reach(self.unfolded(element))
        if self.is_asked_first(element):
            self.page.keyboard.press("Enter")
            element = self.page.locator("dialog[open] .go")
            element.wait_for()
            self.reach(element)
        with self.page.expect_navigation() as waited:
            self.page.keyboard.press("Enter")
        return waited.value

    def point(self, element):
        self.reach(element)
        self.page.keyboard.press("Enter")


class Walker:
    """A visitor who walks through the console. `sent` are the paths of all forms that were sent. With scripts, every page is looked at."""

    def __init__(self, one, name, hand):
        self.one, self.page, self.name, self.hand, self.mouse = one, one.page, name, hand(one), Mouse(one)
        self.looks, self.sent = 0, set()
        self.page.on("request", lambda request: self.sent.add(request.url.split("/", 3)[3].partition("?")[0]) if request.method == "POST" else None)

    def open(self, path):
        answer = self.page.goto(path)
        assert answer.ok, f"{path}: {answer.status}"

    def follow(self, text):
        """Goes where a link leads."""
        return self.hand.press(self.page.locator("main a", has_text=text).first)

    def does(self, action, *told, step=None, **typed):
        """Sends a form that is taken; what comes back says so."""
        answer = self.send(self.hand, action, step, **typed)
        assert answer.ok, f"{action}: {answer.status} {self.page.inner_text('body')}"
        self.shows(action, *told)

    def fails(self, action, *told, status=400, step=None, **typed):
        """Sends a form that is refused, from a browser that checks no field; the page says what is wrong. How it is sent does not matter here."""
        self.page.evaluate("() => [...document.forms].forEach(form => (form.noValidate = true))")
        answer = self.send(self.mouse, action, step, **typed)
        assert answer.status == status, f"{action}: {answer.status} {self.page.inner_text('body')}"
        found = " ".join(self.page.locator(".fault").all_inner_texts())
        assert found and all(text in found for text in told), f"{action}: {found}"
        self.shows(action, refused=answer)

    def send(self, hand, action, step=None, **typed):
        """Fills the first form with this end of an address, and presses its button; returns the answer."""
        form = self.page.locator(f'form[method=post][action$="{action}"]').first
        for name, value in typed.items():
            field = form.locator(f'[name="{name}"]').first
            if isinstance(value, Spoiled):
                field.evaluate(SPOIL, value)
            else:
                hand.put(field, value)
        return hand.press(form.locator(f'button[value="{step}"]' if step else "button:not([type=button])").first)

    def shows(self, what, *told, refused=None):
        """Looks at the page as it is now."""
        self.looks += 1
        found = self.page.inner_text("body")
        assert all(text in found for text in told), f"{what}: {told} is not in {found}"
        if self.one.scripts:
            self.page.evaluate(STILL)
            faults = self.one.faults()
            assert not faults, f"{what}: {faults}"
            self.one.picture(picture_of(self.name, f"{self.looks:02}-{what}", "dark-narrow"), whole=False)
        complaints, expected = self.one.complaints(), self.one.refused_with(refused) if refused else []
        assert complaints == expected, f"{what}: {complaints}"
