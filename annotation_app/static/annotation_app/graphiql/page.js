"use strict";
// Starts GraphiQL. A query in the address of the page (?query=…) is shown, not run.
(() => {
  const element = document.getElementById("graphiql");
  const asked = new URLSearchParams(window.location.search);
  const example = `# Write a query here and run it with Ctrl-Enter. The book on the left shows every type.
# Find a genome first; its genome_id goes into every other query:
#
#   { genomes(by_keyword: { scientific_name: "Homo sapiens" }) { genome_id assembly_accession } }
#
# For genomes that are not public, add your token under "Headers": { "Authorization": "Bearer …" }

{
  version { api { major minor patch } }
}
`;
  ReactDOM.createRoot(element).render(
    React.createElement(GraphiQL, {
      fetcher: GraphiQL.createFetcher({ url: element.dataset.url }),
      defaultQuery: example,
      query: asked.get("query") || undefined,
      variables: asked.get("variables") || undefined,
      operationName: asked.get("operationName") || undefined,
      shouldPersistHeaders: false,
    }),
  );
})();
