"""Every code that a call may be refused with, by its status; clients rely on both."""

from collections.abc import Iterable, Mapping

CODES: Mapping[int, tuple[str, ...]] = {
    400: (
        "bad_request",
        "beginning_too_short",
        "direct_room",
        "empty_message",
        "empty_search",
        "empty_upload",
        "invalid_body",
        "invalid_display_name",
        "invalid_email",
        "invalid_emoji",
        "invalid_header",
        "invalid_idempotency_key",
        "invalid_image",
        "invalid_json",
        "invalid_multipart",
        "invalid_name",
        "invalid_participants",
        "invalid_query",
        "invalid_room_name",
        "invalid_username",
        "missing_field",
        "missing_file",
        "password_too_common",
        "password_too_long",
        "password_too_short",
        "reserved_username",
        "search_too_broad",
        "too_many_files",
        "too_many_reactions",
        "too_many_words",
        "unknown_message",
        "unknown_upload",
    ),
    401: (
        "account_disabled",
        "invalid_credentials",
        "invalid_token",
        "missing_token",
        "token_expired",
    ),
    403: (
        "account_disabled",
        "administrators_only",
        "everyones_room",
        "not_in_charge",
        "not_the_owner",
        "not_yours",
        "origin_not_allowed",
        "outranked",
        "too_late",
        "wrong_password",
    ),
    404: (
        "member_not_found",
        "message_not_found",
        "not_found",
        "room_not_found",
        "session_not_found",
        "upload_not_found",
        "user_not_found",
    ),
    405: ("method_not_allowed",),
    409: (
        "email_taken",
        "idempotency_key_in_use",
        "last_administrator",
        "last_owner",
        "message_deleted",
        "room_full",
        "upload_busy",
        "upload_in_use",
        "username_taken",
        "wrong_offset",
    ),
    412: ("precondition_failed",),
    413: ("body_too_large", "image_too_large", "quota_exceeded", "upload_too_large"),
    415: ("type_refused", "unsupported_media_type"),
    416: ("range_not_satisfiable",),
    422: ("idempotency_key_reused",),
    429: (
        "rate_limited",
        "too_many_idempotency_keys",
        "too_many_rooms",
        "too_many_sockets",
        "too_many_unfinished",
    ),
    431: ("headers_too_large",),
    500: ("internal_error",),
    460: ("checksum_mismatch",),
    503: ("busy", "not_stored", "store_unavailable", "too_many_uploads"),
}

# What any call may be refused with, whoever makes it.
ANY = ("bad_request", "origin_not_allowed", "body_too_large", "internal_error", "store_unavailable")
LOGIN = ("missing_token", "invalid_token", "token_expired", "account_disabled", "rate_limited")
QUERY = ("invalid_query",)
BODY = ("invalid_json", "invalid_body", "unsupported_media_type")
PATH = ("not_found",)
# Of a call that takes files in.
RECEIVING = ("rate_limited", "too_many_uploads", "upload_too_large", "quota_exceeded", "busy")
KEEPING = (
    *RECEIVING,
    "empty_upload",
    "image_too_large",
    "invalid_image",
    "type_refused",
    "unsupported_media_type",
)
KEYED = (
    "idempotency_key_in_use",
    "idempotency_key_reused",
    "invalid_idempotency_key",
    "rate_limited",
    "too_many_idempotency_keys",
)


def by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    """Some codes, under the statuses that they come with."""
    wanted = set(codes)
    unknown = wanted - {code for known in CODES.values() for code in known}
    if unknown:
        raise ValueError(f"codes without a status: {', '.join(sorted(unknown))}")
    found = {status: sorted(wanted & set(known)) for status, known in CODES.items()}
    return {status: known for status, known in found.items() if known}
