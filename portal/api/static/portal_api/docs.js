// Shows the OpenAPI document. No validator of another host is asked, and no token is kept after the page is closed.
"use strict";
const place = document.getElementById("swagger");
SwaggerUIBundle({ url: place.dataset.schema, domNode: place, validatorUrl: null, persistAuthorization: false });
