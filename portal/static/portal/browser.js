// Shows a file in igv.js, which is loaded when its place on the page comes into view.

const host = document.getElementById("igv");
const config = JSON.parse(host.dataset.config);

function say(text) {
  host.replaceChildren();
  const line = document.createElement("p");
  line.setAttribute("role", "status");
  line.textContent = text;
  host.append(line);
}

// The protocols know no sessions: for a file that is not public the page obtains a token that opens this file for some
// minutes. It is kept here alone, and replaced before it ends.
let held = { token: "", expires: 0 };

async function freshToken() {
  if (held.expires - Date.now() / 1000 < 60) {
    const answer = await fetch(host.dataset.tokenUrl, {
      method: "POST",
      headers: { "X-CSRFToken": host.dataset.csrf },
      body: new URLSearchParams(config.file),
    });
    if (!answer.ok) throw new Error("Sign in again to see this file.");
    held = await answer.json();
  }
  return held.token;
}

function absolute(options) {
  const found = {};
  for (const [name, value] of Object.entries(options)) {
    found[name] = /url$/i.test(name) ? new URL(value, location.href).href : value;
  }
  return found;
}

// The site gives genes as BED with twelve columns; igv.js wants features with exons, and knows of each what codes.
function parseGenes(bed) {
  return bed.split("\n").filter(Boolean).map((line) => {
    const [chr, start, end, name, , strand, thickStart, thickEnd, , , sizes, starts] = line.split("\t");
    const [from, codes, until] = [start, thickStart, thickEnd].map(Number);
    const lengths = sizes.split(",").map(Number);
    const exons = starts.split(",").map((offset, at) => {
      const exon = { start: from + Number(offset), end: from + Number(offset) + lengths[at] };
      if (until <= codes || exon.end <= codes || exon.start >= until) exon.utr = true;
      else if (exon.start < codes || exon.end > until) {
        exon.cdStart = Math.max(exon.start, codes);
        exon.cdEnd = Math.min(exon.end, until);
      }
      return exon;
    });
    return { chr, start: from, end: Number(end), name, strand, cdStart: codes, cdEnd: until, exons };
  });
}

function geneTrack(address) {
  return {
    name: "Genes",
    type: "annotation",
    sourceType: "custom",
    displayMode: "EXPANDED",
    visibilityWindow: 1000000,
    height: 120,
    source: {
      url: ({ chr, start, end }) => {
        const url = new URL(address, location.href);
        url.searchParams.set("contig", chr);
        url.searchParams.set("start", Math.max(0, Math.floor(start)));
        url.searchParams.set("end", Math.ceil(end));
        return url.href;
      },
      parser: parseGenes,
    },
  };
}

async function show() {
  say("Loading the genome browser…");
  try {
    const { default: igv } = await import(host.dataset.igv);
    const track = absolute(config.track);
    if (config.file) {
      await freshToken();
      track.oauthToken = freshToken;
    }
    const asked = new URL(location.href).searchParams.get("region");
    host.replaceChildren();
    const browser = await igv.createBrowser(host, {
      reference: absolute(config.reference),
      locus: asked || config.locus,
      tracks: config.genes ? [geneTrack(config.genes), track] : [track],
      // Nothing is fetched from other hosts: neither lists of genomes nor searches for genes.
      loadDefaultGenomes: false,
      search: false,
      queryParametersSupported: false,
      showSampleNameButton: false,
    });
    host.dataset.state = "shown";
    document.addEventListener("region", (event) => {
      if (event.detail.trim()) browser.search(event.detail.trim());
    });
  } catch (error) {
    host.dataset.state = "failed";
    say(`The file cannot be shown: ${error.message ?? error}`);
  }
}

new IntersectionObserver((entries, observer) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  observer.disconnect();
  show();
}, { rootMargin: "200px" }).observe(host);
