"""Who asks, as far as the credentials prove it."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visa:
    """One valid assertion of a trusted issuer about a viewer (GA4GH Passport 1.2, "Visa Object")."""

    type: str
    value: str
    source: str
    issuer: str
    expires: float


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what their credentials allow.

    `name` is None without valid credentials; `fault` then says what is wrong with them, and `unverified` that their
    issuer could not be reached. `user` is the id of the account, None for a subject that only an issuer knows. `scopes`
    of None means every scope. `expires` is when the credentials end, in seconds since 1970. With `file` the credentials
    open that file alone, besides what is public.
    """

    name: str | None = None
    user: int | None = None
    issuer: str = ""
    subject: str = ""
    token: int | None = None
    credential: str = ""
    scopes: frozenset[str] | None = None
    visas: tuple[Visa, ...] = ()
    expires: float | None = None
    file: int | None = None
    fault: str = ""
    unverified: bool = False

    @property
    def holder(self) -> bytes:
        """8 bytes that identify the viewer whichever credentials they use; all 0 for an anonymous viewer."""
        if self.name is None:
            return bytes(8)
        who = f"account {self.user}" if self.user is not None else f"subject {self.issuer} {self.subject}"
        return hashlib.blake2b(who.encode(), digest_size=8).digest()

    def in_scope(self, scope: str) -> bool:
        """Return whether the credentials may be used for a scope (`reads`, `variants`, `sequences`)."""
        return self.scopes is None or scope in self.scopes


ANONYMOUS = Viewer()
