"""The tables, as the steps that lead to them; a step that was released is never changed.

`PRAGMA user_version` counts the steps that a file has taken. Ids are text, times are milliseconds
since 1970 (UTC), and what is only ever read as a whole (reactions, former texts) is JSON.
"""

from models.records import EVERYONE

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # 1: accounts
    (
        """CREATE TABLE users (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            name_key TEXT NOT NULL UNIQUE,
            display_name TEXT NOT NULL,
            display_key TEXT NOT NULL,
            email TEXT,
            email_key TEXT UNIQUE,
            password_hash TEXT,
            role TEXT NOT NULL,
            avatar TEXT,
            created INTEGER NOT NULL,
            last_seen INTEGER,
            disabled INTEGER NOT NULL,
            deleted INTEGER
        ) WITHOUT ROWID""",
        "CREATE INDEX users_by_role ON users (role) WHERE role <> 'user'",
        """CREATE TABLE sessions (
            id TEXT PRIMARY KEY,
            user TEXT NOT NULL,
            created INTEGER NOT NULL,
            seen INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            agent TEXT NOT NULL,
            address TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX sessions_by_user ON sessions (user)",
        "CREATE INDEX sessions_by_expiry ON sessions (expires)",
    ),
    # 2: rooms and messages
    (
        """CREATE TABLE rooms (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            name TEXT,
            description TEXT NOT NULL,
            creator TEXT,
            created INTEGER NOT NULL,
            active INTEGER NOT NULL,
            pair TEXT UNIQUE,
            hint TEXT
        ) WITHOUT ROWID""",
        "CREATE INDEX rooms_public ON rooms (active, id) WHERE kind = 'public'",
        f"""INSERT INTO rooms (id, kind, name, description, created, active)
            VALUES ('{EVERYONE}', 'public', 'everyone', '', 0, 0)""",  # noqa: S608 - a constant
        """CREATE TABLE memberships (
            room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
            user TEXT NOT NULL,
            role TEXT NOT NULL,
            joined INTEGER NOT NULL,
            delivered INTEGER NOT NULL,
            read INTEGER NOT NULL,
            muted INTEGER NOT NULL,
            hidden INTEGER NOT NULL,
            PRIMARY KEY (room, user)
        ) WITHOUT ROWID""",
        "CREATE INDEX memberships_by_user ON memberships (user)",
        # With a rowid: messages are wide and come in order, so the table itself grows at its end.
        """CREATE TABLE messages (
            id TEXT NOT NULL UNIQUE,
            room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
            seq INTEGER NOT NULL,
            rev INTEGER NOT NULL,
            sender TEXT NOT NULL,
            client_id TEXT NOT NULL,
            text TEXT NOT NULL,
            attachments TEXT,
            reply_to TEXT,
            reactions TEXT,
            mentions TEXT,
            pinned INTEGER NOT NULL,
            former TEXT,
            created INTEGER NOT NULL,
            edited INTEGER,
            deleted INTEGER,
            UNIQUE (room, seq),
            UNIQUE (room, rev),
            UNIQUE (sender, client_id)
        )""",
    ),
    # 3: uploads
    (
        """CREATE TABLE uploads (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            type TEXT NOT NULL,
            size INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            width INTEGER,
            height INTEGER,
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX uploads_by_owner ON uploads (owner, id)",
        "CREATE INDEX uploads_by_content ON uploads (sha256)",
        """CREATE TABLE upload_rooms (
            upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
            room TEXT NOT NULL,
            PRIMARY KEY (upload, room)
        ) WITHOUT ROWID""",
        "CREATE INDEX upload_rooms_by_room ON upload_rooms (room)",
    ),
    # 4: who was made the first administrator, so that nobody is made it again
    (
        "ALTER TABLE users ADD COLUMN founder INTEGER NOT NULL DEFAULT 0",
        """UPDATE users SET founder = 1
            WHERE id = (SELECT min(id) FROM users WHERE password_hash IS NOT NULL)""",
        "CREATE INDEX users_founder ON users (founder) WHERE founder",
    ),
    # 5: what others are told of somebody
    (
        "ALTER TABLE users ADD COLUMN receipts INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE users ADD COLUMN invisible INTEGER NOT NULL DEFAULT 0",
    ),
    # 6: which messages show which uploads
    (
        "DROP TABLE upload_rooms",
        "ALTER TABLE uploads ADD COLUMN placeholder TEXT",
        """CREATE TABLE attachments (
            message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
            upload TEXT NOT NULL,
            room TEXT NOT NULL,
            PRIMARY KEY (message, upload)
        ) WITHOUT ROWID""",
        "CREATE INDEX attachments_by_upload ON attachments (upload, room)",
        "CREATE INDEX attachments_by_room ON attachments (room, upload)",
        """INSERT OR IGNORE INTO attachments (message, upload, room)
            SELECT messages.id, shown.value, messages.room
                FROM messages, json_each(messages.attachments) AS shown
                WHERE messages.attachments IS NOT NULL""",
    ),
    # 7: the pinned messages of a room
    ("CREATE INDEX messages_pinned ON messages (room, seq) WHERE pinned",),
    # 8: the index of words, and how far the messages that are there already are in it
    (
        "ALTER TABLE messages ADD COLUMN place INTEGER",
        "CREATE UNIQUE INDEX messages_by_place ON messages (place) WHERE place IS NOT NULL",
        # Without a copy of the texts, and without the places of words in them: candidates are
        # looked at before they count. The tokenizer leaves our tokens as they are.
        """CREATE VIRTUAL TABLE search USING fts5 (
            tokens, content = '', tokenize = 'ascii', detail = none, columnsize = 0
        )""",
        "CREATE TABLE search_backlog (done INTEGER NOT NULL, upto INTEGER NOT NULL)",
        "INSERT INTO search_backlog SELECT 0, max(rowid) FROM messages HAVING count(*) > 0",
    ),
    # 9: messages that were given up, and are not to come any more
    (
        "CREATE TABLE withdrawn (id TEXT PRIMARY KEY) WITHOUT ROWID",
        """CREATE TRIGGER messages_withdrawn BEFORE INSERT ON messages
            WHEN EXISTS (SELECT 1 FROM withdrawn WHERE id = new.id)
            BEGIN SELECT RAISE (ABORT, 'withdrawn.id'); END""",
    ),
    # 10: the calls that came with an Idempotency-Key
    (
        """CREATE TABLE keyed_calls (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            session TEXT,
            digest TEXT NOT NULL,
            makes TEXT NOT NULL,
            created INTEGER NOT NULL,
            progress TEXT NOT NULL,
            status INTEGER NOT NULL,
            body BLOB NOT NULL
        )""",
        "CREATE INDEX keyed_calls_by_owner ON keyed_calls (owner)",
        "CREATE INDEX keyed_calls_by_created ON keyed_calls (created)",
    ),
    # 11: the messages of a room that mention somebody
    ("CREATE INDEX messages_naming ON messages (room, seq) WHERE mentions IS NOT NULL",),
    # 12: words that were left for later, marked by a `place` that an older Hubbub would not know
    (),
    # 13: how names look; of those that look alike already, the older one stands for them
    (
        "ALTER TABLE users ADD COLUMN look_key TEXT",
        "CREATE UNIQUE INDEX users_by_look ON users (look_key) WHERE look_key IS NOT NULL",
        "UPDATE OR IGNORE users SET look_key = look_of(name)",
    ),
    # 14: the log
    ("CREATE TABLE log (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",),
)
