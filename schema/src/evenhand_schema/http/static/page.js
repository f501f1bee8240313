"use strict";
// The key stays in this tab: it is gone when the tab is closed.
(function () {
  const field = document.getElementById("key");
  const said = document.getElementById("said");
  const kept = "evenhand-key";
  field.value = sessionStorage.getItem(kept) || "";

  function fetcher(asked, options) {
    const headers = Object.assign(
      { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
      (options && options.headers) || {}
    );
    const key = sessionStorage.getItem(kept);
    if (key && !headers.Authorization) headers.Authorization = "Bearer " + key;
    return fetch("/graphql", { method: "POST", headers: headers, body: JSON.stringify(asked) }).then(function (answer) {
      said.textContent = answer.status === 401 ? "Enter a valid API key." : "";
      return answer.json();
    });
  }

  const root = ReactDOM.createRoot(document.getElementById("graphiql"));
  let shown = 0;
  function show() {
    // A new key may see another schema: begin anew.
    shown += 1;
    root.render(React.createElement(GraphiQL, {
      key: shown,
      fetcher: fetcher,
      defaultEditorToolsVisibility: true,
      defaultQuery: "{\n  me { name role }\n}\n"
    }));
  }

  document.getElementById("access").addEventListener("submit", function (event) {
    event.preventDefault();
    sessionStorage.setItem(kept, field.value.trim());
    show();
  });
  show();
})();
