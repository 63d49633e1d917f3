"""Refresh tokens that are used again: by two at once, after a lost answer, out of a vault; and by a thief."""

import threading
from datetime import timedelta

from harness.demo import Demo

from ..outcome import Outcome


def used_again(siege):
    outcome = Outcome("refresh tokens", "tokens used again, twice at once, three times and after a lost answer")
    with Demo(siege.site.binary.resolve(), siege.site.folder / "refresh" / "data", "--no-quotas", "--clock", "manual", "--rows", "60") as demo:
        confidential(outcome, demo)
        within_a_minute(outcome, demo)
        later(outcome, demo)
    return outcome


PUBLIC = {"client_secret": None}


def granted(demo, public=False):
    """A first refresh token of a family."""
    more = PUBLIC | {"client_id": demo.ready["public_client_id"]} if public else {}
    answer = demo.ask_token(**more)
    assert answer.status_code == 200, answer.text
    return answer.json()["refresh_token"]


def refresh(demo, token, public=False):
    more = PUBLIC | {"client_id": demo.ready["public_client_id"]} if public else {}
    return demo.ask_token(grant_type="refresh_token", refresh_token=token, username=None, password=None, **more)


def good(answer):
    return answer.status_code == 200


def confidential(outcome, demo):
    """An application that proves itself: a used token stays good."""
    token, answers = granted(demo), []

    def ask():
        answers.append(refresh(demo, token))

    both = [threading.Thread(target=ask) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    outcome.expect(len(answers) == 2 and all(map(good, answers)), "two processes with one token: one is refused")
    outcome.expect(all(good(refresh(demo, answer.json()["refresh_token"])) for answer in answers if good(answer)), "a successor of two at once is refused")

    kept = granted(demo)
    outcome.expect(all(good(refresh(demo, kept)) for _ in range(3)), "a token of a vault, used three times, is refused")

    # Its answer is lost, so that the client asks again; what it then has goes on.
    lost = granted(demo)
    refresh(demo, lost)
    again = refresh(demo, lost)
    outcome.expect(good(again), "after a lost answer the token is refused")
    if good(again):
        outcome.expect(good(refresh(demo, again.json()["refresh_token"])), "after a lost answer the sign-in ends")
    # Much later as well, until it ends.
    demo.advance(timedelta(hours=2))
    outcome.expect(good(refresh(demo, kept)), "a token of a vault is refused two hours later")


def within_a_minute(outcome, demo):
    """An application that cannot prove itself: again within the minute belongs to the same client."""
    token = granted(demo, public=True)
    first = refresh(demo, token, public=True)
    demo.advance(timedelta(seconds=30))
    again = refresh(demo, token, public=True)
    outcome.expect(good(again), "a public client's token, used again within a minute, is refused")
    successor = refresh(demo, first.json()["refresh_token"], public=True)
    outcome.expect(good(successor), "a public client's successor is refused after its parent was used again within a minute")


def later(outcome, demo):
    """After that it is a thief, or its owner: both lose it."""
    token = granted(demo, public=True)
    first = refresh(demo, token, public=True)
    demo.advance(timedelta(seconds=90))
    again = refresh(demo, token, public=True)
    outcome.expect(not good(again), "a public client's token is good 90 s after its use")
    successor = refresh(demo, first.json()["refresh_token"], public=True)
    outcome.expect(not good(successor), "the family of a stolen token goes on")
