import "@console/shared/theme.css";
import "./chat.css";
import { mount } from "svelte";
import App from "./shell/App.svelte";

mount(App, { target: document.querySelector("#chat")! });
