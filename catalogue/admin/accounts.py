"""Admin pages of accounts and groups: Django's own, with every change recorded in the audit."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from catalogue.admin.base import Audited
from catalogue.admin.unfolded import TabularInline
from catalogue.models import ApiToken, Identity

admin.site.unregister(User)
admin.site.unregister(Group)


class IdentityInline(TabularInline[Identity, User]):
    """The identities by which issuers know the account."""

    model = Identity
    extra = 0


@admin.register(User)
class AccountAdmin(Audited[User], UserAdmin[User]):
    """Accounts."""

    # Otherwise django-unfold's own, which are empty, come before those of Django.
    add_fieldsets = UserAdmin.add_fieldsets
    inlines = (IdentityInline,)
    filter_horizontal = ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Allow tokens, which otherwise can only be revoked, to be deleted with their account."""
        to_delete, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, forbidden - {ApiToken._meta.verbose_name}, protected


@admin.register(Group)
class AuditedGroupAdmin(Audited[Group], GroupAdmin):
    """Groups of accounts."""

    filter_horizontal = ()
