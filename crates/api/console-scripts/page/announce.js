// Says a sentence to those who hear the page.

let place;

export function announce(text) {
  if (!place?.isConnected) {
    place = document.createElement("p");
    place.className = "heard";
    place.setAttribute("role", "status");
    document.body.append(place);
  }
  place.textContent = text;
}
