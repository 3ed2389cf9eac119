"use strict";
// Brings the secret part of a link into the form, keeps the mark of a session in this tab, takes readers on, and minds the word that
// must be typed. It decides nothing.
(function () {
  const arrive = document.getElementById("arrive");
  if (arrive) {
    const token = new URLSearchParams(window.location.hash.slice(1)).get("t") || "";
    if (/^[A-Za-z0-9_-]{43}$/.test(token)) {
      arrive.elements.namedItem("token").value = token;
      arrive.hidden = false;
      arrive.addEventListener("submit", function () {
        window.history.replaceState(null, "", window.location.pathname);
      });
    } else {
      document.getElementById("incomplete").hidden = false;
    }
  }

  // Of one approval, in this tab and for this origin alone.
  const place = "mark of " + (window.location.pathname.split("/")[2] || "");
  const onward = document.getElementById("onward");
  if (onward) {
    if (onward.dataset.mark) {
      window.sessionStorage.setItem("mark of " + new URL(onward.href).pathname.split("/")[2], onward.dataset.mark);
    }
    window.location.replace(onward.href);
  }

  const look = document.getElementById("look");
  if (look) {
    const mark = window.sessionStorage.getItem(place) || "";
    if (mark) {
      look.elements.namedItem("mark").value = mark;
      look.submit();
    } else {
      document.getElementById("closed").hidden = false;
    }
  } else if (window.location.pathname.endsWith("/review")) {
    // So that going back and loading again ask for the page anew, and send no form of theirs.
    window.history.replaceState(null, "", window.location.pathname);
  }

  const typed = document.getElementById("typed");
  const approve = document.getElementById("approve");
  if (typed && approve) {
    const plain = function (text) {
      return text.trim().split(/\s+/).join(" ").toUpperCase();
    };
    const mind = function () {
      approve.disabled = plain(typed.value) !== typed.dataset.word;
    };
    typed.addEventListener("input", mind);
    typed.addEventListener("keydown", function (event) {
      // The first button of a form is pressed by Enter; nobody means that here.
      if (event.key === "Enter") {
        event.preventDefault();
      }
    });
    mind();
  }
})();
