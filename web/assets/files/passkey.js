// Passkeys (WebAuthn): a button asks the manager's question, has the browser answer
// it, and sends the answer. Where a browser can't, no button is shown.
(() => {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  const keys = navigator.credentials;
  const make = options => keys.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
  const show = options => keys.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
  // What each button asks, and where the answer goes.
  const ways = {
    "sign-in": { ask: "/session/passkey/question", tell: "/session/passkey", by: show },
    "confirm": { ask: "/session/confirm-passkey/question", tell: "/session/confirm-passkey", by: show },
    "register": { ask: "/me/passkeys/question", tell: "/me/passkeys", by: make },
  };

  const call = async (path, body) => {
    const init = { method: "POST" };
    if (body) Object.assign(init, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = await fetch("/api/v1" + path, init);
    const said = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    return said;
  };

  const done = part => {
    if (part.dataset.then) return location.assign(part.dataset.then);
    const note = document.createElement("div");
    note.className = "right mb-3";
    note.setAttribute("role", "status");
    note.textContent = "✓ " + part.dataset.done;
    part.closest("[data-confirms]").replaceWith(note);
  };

  const failed = (wrong, part, error) => {
    wrong.textContent = part.dataset.failed;
    if (error.name !== "Error") return; // the browser's own: it was cancelled, or took too long
    const why = document.createElement("div");
    why.lang = "en";
    why.textContent = error.message;
    wrong.append(why);
  };

  const start = async (part, way) => {
    const wrong = part.querySelector(".wrong"), form = part.closest("form"), button = part.querySelector("button");
    if (way === ways.register && !form.reportValidity()) return;
    wrong.textContent = "";
    button.disabled = true;
    try {
      const question = await call(way.ask);
      const answer = (await way.by(question.options)).toJSON();
      await call(way.tell, { ceremony: question.ceremony, answer, ...(way === ways.register && { name: form.elements.name.value }) });
      done(part);
    } catch (error) {
      failed(wrong, part, error);
    } finally {
      button.disabled = false;
    }
  };

  for (const part of document.querySelectorAll("[data-passkey][hidden]")) {
    part.hidden = false;
    const way = ways[part.dataset.passkey];
    part.querySelector("button").addEventListener("click", () => start(part, way));
    if (way === ways.register) part.closest("form").addEventListener("submit", e => { e.preventDefault(); start(part, way); });
  }
})();
