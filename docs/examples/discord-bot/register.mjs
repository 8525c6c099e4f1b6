// Makes /wake known to one Discord server. Run it again when TARGETS has changed.
import { ApplicationCommandOptionType, DefaultRestOptions, REST, Routes } from "discord.js";
import { setting, targets } from "./wake.mjs";

const guild = setting("DISCORD_GUILD");
const rest = new REST({ api: process.env.DISCORD_API ?? DefaultRestOptions.api }).setToken(setting("DISCORD_TOKEN"));
const { id } = await rest.get(Routes.currentApplication());
await rest.put(Routes.applicationGuildCommands(id, guild), {
  body: [{
    name: "wake",
    description: "Send a magic packet",
    options: [{
      type: ApplicationCommandOptionType.String,
      name: "computer",
      description: "Which one",
      required: true,
      choices: [...targets.keys()].map((name) => ({ name, value: name })),
    }],
  }],
});
console.log(`/wake knows ${[...targets.keys()].join(", ")}`);
