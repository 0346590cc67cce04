"""What service-info documents say."""

from htsgetsite import __version__, values
from htsgetsite.settings.home import ENVIRONMENT

SERVICE_ID: str = ENVIRONMENT.text(
    "SERVICE_ID",
    default="org.example.htsgetsite",
    doc="The id of the service, by convention a reversed domain name.",
)
SERVICE_NAME: str = ENVIRONMENT.text("SERVICE_NAME", default="htsgetsite", doc="The name of the service.")
SERVICE_DESCRIPTION: str = ENVIRONMENT.text(
    "SERVICE_DESCRIPTION",
    default="Reference sequences, reads and variants over the GA4GH protocols refget and htsget.",
    doc="One or two sentences about the service.",
)
SERVICE_ORGANIZATION_NAME: str = ENVIRONMENT.text(
    "SERVICE_ORGANIZATION_NAME", default="Example organisation", doc="Who runs the service."
)
SERVICE_ORGANIZATION_URL: str = ENVIRONMENT.parsed(
    "SERVICE_ORGANIZATION_URL",
    values.url,
    kind="URL",
    default="https://example.org",
    doc="The page of the organisation.",
)
SERVICE_CONTACT_URL: str = ENVIRONMENT.text(
    "SERVICE_CONTACT_URL", default="", doc="Where to ask for help: a mailto: or https: address."
)
SERVICE_ENVIRONMENT: str = ENVIRONMENT.choice(
    "SERVICE_ENVIRONMENT",
    ("prod", "test", "dev", "staging"),
    default="prod",
    doc="The kind of deployment, as service-info documents give it.",
)

SERVICE_VERSION = __version__
