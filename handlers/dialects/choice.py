"""Which dialect a client of Socket.IO speaks."""

from chat.errors import Invalid
from handlers.dialects.colon import COLON
from handlers.dialects.join import JOIN
from handlers.dialects.private import PRIVATE
from handlers.dialects.register import REGISTER
from handlers.dialects.tables import Table, Undecided


class Choice:
    """The dialects that clients may speak: those who bring a token, and those who do not."""

    def __init__(self, by_token: tuple[Table, ...], by_name: tuple[Table, ...]) -> None:
        # With whether their clients bring a token.
        self.tables = [(one, True) for one in by_token] + [(one, False) for one in by_name]
        self._named = {table.name.upper(): table for table in by_token}
        self._by_token = Undecided(*by_token)
        self.by_name = Undecided(*by_name)

    def by_token(self, name: str | None) -> Table:
        """The dialect that a client with a token names; or all, until what it says decides."""
        if not name:
            return self._by_token
        table = self._named.get(name.upper())
        if table is None:
            known = ", ".join(self._named)
            raise Invalid("unknown_dialect", f"the dialects for those with a token are {known}")
        return table


DIALECTS = Choice(by_token=(PRIVATE, COLON), by_name=(JOIN, REGISTER))
