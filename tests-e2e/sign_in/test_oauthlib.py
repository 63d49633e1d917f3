"""requests-oauthlib: a library for any provider, which knows nothing of this one but the addresses that it publishes."""

import pytest
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from test_msal import is_good, returned, signed_in

REDIRECT = "http://localhost:51234"


@pytest.fixture(autouse=True)
def other_scopes(monkeypatch):
    """The answer names the permissions behind `/.default`, as the platform's does: without this the library takes that for an error."""
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")


@pytest.fixture
def published(demo):
    """What discovery says."""
    answer = demo.session.get(f"{demo.ready['authority']}/v2.0/.well-known/openid-configuration")
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def session(demo):
    ready = demo.ready

    def make(client, **more):
        session = OAuth2Session(client=client, **more)
        session.verify, session.trust_env = ready["ca_certificate"], False
        return session

    return make


def scopes(demo):
    return [f"{demo.ready['resource']}/.default", "offline_access", "openid"]


def test_password_and_refresh(demo, published, session):
    ready = demo.ready
    asking = session(LegacyApplicationClient(ready["client_id"], scope=scopes(demo)))
    proof = {"client_id": ready["client_id"], "client_secret": ready["client_secret"]}
    token = asking.fetch_token(published["token_endpoint"], username=ready["username"], password=ready["password"], **proof)
    assert token["token_type"] == "Bearer" and is_good(demo, token["access_token"])
    # Its own calls carry the token.
    assert asking.get(f"{ready['api']}/ScheduledDataset").status_code == 200
    fresh = asking.refresh_token(published["token_endpoint"], **proof)
    assert fresh["access_token"] != token["access_token"] and is_good(demo, fresh["access_token"])
    with pytest.raises(OAuth2Error, match="AADSTS50126"):
        asking.fetch_token(published["token_endpoint"], username=ready["username"], password="wrong", **proof)


@pytest.mark.parametrize("by_header", [True, False])
def test_client_credentials(demo, published, session, by_header):
    ready = demo.ready
    asking = session(BackendApplicationClient(ready["client_id"], scope=scopes(demo)[:1]))
    proof = {"include_client_id": not by_header, "client_secret": ready["client_secret"]}
    if by_header:
        proof = {"auth": (ready["client_id"], ready["client_secret"])}
    assert asking.fetch_token(published["token_endpoint"], **proof)["access_token"]


@pytest.mark.parametrize("is_public", [True, False])
def test_authorization_code(demo, published, session, is_public):
    ready = demo.ready
    client, proof = (ready["public_client_id"], {}) if is_public else (ready["client_id"], {"client_secret": ready["client_secret"]})
    asking = session(WebApplicationClient(client), scope=scopes(demo), redirect_uri=REDIRECT, pkce="S256" if is_public else None)
    address, state = asking.authorization_url(published["authorization_endpoint"], login_hint=ready["username"])
    back = signed_in(demo, address).leaves
    assert returned(back)["state"] == state
    token = asking.fetch_token(published["token_endpoint"], code=returned(back)["code"], include_client_id=True, **proof)
    assert is_good(demo, token["access_token"]) and token["id_token"]


def test_an_expired_token_is_said_to_be_one(demo, published, session):
    """A library that is told so asks for a new one."""
    ready = demo.ready
    asking = session(LegacyApplicationClient(ready["client_id"]), token={"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 60})
    answer = asking.get(f"{ready['api']}/ScheduledDataset")
    assert answer.status_code == 401 and answer.json()["message"] == "Unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", error_description="')
