// Starts Swagger UI on the document beside the page. `?client_id=` names the application that signs in.
"use strict";
(function () {
  const files = new URL(".", document.getElementById("start").src);
  const page = new URL(window.location.href);
  const ui = window.SwaggerUIBundle({
    url: new URL("../openapi.json", page).href,
    dom_id: "#swagger-ui",
    deepLinking: true,
    // Nothing is asked of others.
    validatorUrl: null,
    oauth2RedirectUrl: new URL("oauth2-redirect.html", files).href,
    onComplete: function () {
      const flow = ["components", "securitySchemes", "signIn", "flows", "authorizationCode", "scopes"];
      const scopes = ui.specSelectors.specJson().getIn(flow);
      ui.initOAuth({
        clientId: page.searchParams.get("client_id") || "",
        scopes: scopes ? Array.from(scopes.keys()) : [],
        usePkceWithAuthorizationCodeGrant: true,
      });
    },
  });
})();
