import "./shared/theme.css";
import { mount } from "svelte";
import App from "./App.svelte";

const target = document.getElementById("console");
if (!target) throw new Error("index.html has no #console");
mount(App, { target });
