"""The schedule editor's door."""

import pytest

pytestmark = pytest.mark.django_db


def test_smoke(ada, bo, ann, chi, client_of):
    client = client_of(ada)
    for path in ("", "new/", "new/?begin=sun", "new/?begin=local", "new/?begin=weekly", "new/?begin=nothing"):
        answer = client.get(f"/desk/on-call/schedules/{path}")
        assert answer.status_code == 200
    print(client.get("/desk/on-call/schedules/new/?begin=sun").content.decode())
