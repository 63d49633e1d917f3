"""All attacks by name. The names are those of `cargo xtask siege --only`."""

from .connections import half_sent_forms, idle_http1, idle_http2, stalled_downloads
from .databases import killed_connections, locked_table, no_connection
from .queries import every_limit, explanations, grouped, large_report, poisoned, streaming
from .refresh_tokens import used_again
from .sign_ins import device_codes, guessing_is_hopeless, refused_requests, shut_out, sign_in_flood
from .stored_files import damaged

ATTACKS = {
    "limits": every_limit,
    "poisoned": poisoned,
    "streaming": streaming,
    "explanations": explanations,
    "grouped": grouped,
    "idle-http2": idle_http2,
    "idle-http1": idle_http1,
    "half-forms": half_sent_forms,
    "sign-in-flood": sign_in_flood,
    "stalled-downloads": stalled_downloads,
    "large-report": large_report,
    "refused": refused_requests,
    "device-codes": device_codes,
    "shut-out": shut_out,
    "guessing": guessing_is_hopeless,
    "refresh-tokens": used_again,
    "damaged-files": damaged,
    "no-connection": no_connection,
    "locked-table": locked_table,
    "killed-connections": killed_connections,
}
