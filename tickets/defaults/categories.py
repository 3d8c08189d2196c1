"""What a request may be about, in the form's order, each with what to provide so that the first answer can help."""

MOBILE = {"Mobile", "Notifications & Status"}
"""Categories that ask for the app's version and the device."""

GUIDANCE: dict[str, str] = {
    "General inquiry": """
- What you want to achieve, and by when.
- What you have read or tried already, with links.
- Who else should be in the conversation: add them in CC.
""",
    "AD/LDAP": """
- The directory server and its version, and how it is reached: LDAP, LDAPS or StartTLS.
- The affected user's attributes as the directory returns them (`ldapsearch` output), names blacked out where you must.
- The user, group and ID filters from the System Console.
- The server log from *AD/LDAP Synchronize Now* to its end, at log level DEBUG.
- Whether all users are affected or those of one branch of the directory only.
""",
    "Authentication & Provisioning": """
- The identity provider and the method: SAML, OpenID Connect or OAuth.
- The login error as the user sees it, with the time and the request ID from the page.
- The server log of one failed login at log level DEBUG.
- For SAML the decoded assertion, without its signature.
- Whether it ever worked, and what changed on either side since.
""",
    "Compliance & Auditing": """
- Which export or retention job, its schedule and its format (CSV, Actiance, Global Relay).
- The job's ID and status from the System Console.
- The server log around the job, and the free space where exports are written.
- The time range that is missing or wrong, with an example message.
""",
    "Connectivity": """
- The path from client to server: proxies, load balancers, VPN, web application firewall.
- Whether WebSocket connections stay up: the browser's network tab, filtered by *WS*.
- The proxy's configuration and its error log of the minutes in question.
- From where it works and from where it doesn't.
- The time of one failure, with its time zone.
""",
    "Customization & Branding": """
- What you changed: theme, logo, text, e-mail templates, custom emoji.
- A screenshot of what you see, and a sketch or sentence of what you expect.
- The clients that show it: web, desktop, mobile.
""",
    "Data Export and Import": """
- The tool and the exact command line, such as `mmctl import process`.
- Source and target versions, and the size of the archive.
- The first failing line of the import file, with names blacked out.
- The job's log from beginning to end.
- Whether the target was empty, and whether the import was run before.
""",
    "Database": """
- The database, its version, and whether it is managed by you or by a provider.
- Connection settings from `config.json` without the password: pool sizes, lifetimes, replicas.
- Slow queries with their plans (`EXPLAIN ANALYZE`), and the number of connections at the time.
- Sizes of the largest tables.
- Recent changes: upgrades, failovers, restores, moved disks.
""",
    "Desktop": """
- The app's version and the operating system with its version.
- The app's log: *Help → Show logs*.
- Whether the same happens in a browser on that computer.
- How it was installed: store, MSI, package, managed by policy.
""",
    "Developer Toolkit": """
- The API endpoint or the plugin interface, and the version of the library you use.
- The smallest request or code that shows it, with the complete response.
- What you expected instead, and the page of the documentation that says so.
""",
    "Installation": """
- The way of installing: packages, container, Kubernetes operator.
- Operating system, database and reverse proxy, with versions.
- The step that fails, its command and its complete output.
- `config.json` without passwords and keys.
""",
    "Integrations": """
- The integration: plugin with its version, webhook, slash command, bot.
- The plugin's log lines (*System Console → Server Logs*, filtered by its ID).
- For webhooks one complete request and its response, without the token.
- Whether the other side is reached from the server: `curl -v` from that machine.
""",
    "Invitation & Login": """
- Who is affected: one person, all invited ones, guests only.
- The address that was invited, and the sign-in method it should use.
- The error as shown, with the time.
- Whether the invitation mail arrived, and the mail server's log of it.
""",
    "Messaging": """
- A link to the message or channel, and what is wrong with it: missing, doubled, late, not editable.
- The clients and people that see it, and those that don't.
- Steps from an empty channel, if you can make it happen again.
- The browser's console of the moment.
""",
    "Mobile": """
- The app's version and build (*Settings → About*), the device and its operating system.
- Whether it happens in the mobile browser too.
- On Wi-Fi, on mobile data, or on both; with or without VPN or device management.
- The app's log: *Settings → Report a problem → Download logs*.
- A screen recording, if it is about what you see.
""",
    "Notifications & Status": """
- The push service that you use, and its address from the System Console.
- One missing notification: who wrote, who should have got it, the time and the channel.
- That person's notification settings and status at that time.
- The server log with notification logging switched on.
- For phones: app version, device, and whether battery saving is on.
""",
    "Onboarding": """
- How many people join, from which system, and by when.
- What they should find on their first day: teams, channels, roles.
- How accounts come about: directory, invitation, import.
""",
    "Roles & Permissions": """
- The person, their roles, and the scheme of the team.
- The action that is refused, or permitted by mistake.
- `mmctl permissions role show` of the roles concerned.
- Whether guests or synchronised groups are involved.
""",
    "Search": """
- The search engine: database, Elasticsearch or OpenSearch, with its version.
- The exact words, and a link to a message that should have been found.
- Whether newly written messages are found.
- The state of the indexing jobs in the System Console, and the search engine's health.
""",
    "Server Issues": """
- Since when, how many people, and whether it comes and goes.
- The server log of all nodes from ten minutes before to ten minutes after.
- CPU, memory, open files and database connections at that time.
- What changed shortly before: upgrade, configuration, network, load.
- A support packet (*System Console → Generate support packet*).
""",
    "System Console": """
- The page of the console and the setting.
- What you set, what was saved, and what the browser's network tab shows for the request.
- Whether the setting also stands in `config.json` or in an environment variable.
- The role of the administrator who tried.
""",
    "Upgrading": """
- The version you come from and the one you go to.
- Where you stand: planned, in the middle, done, rolled back.
- The server log from the first start of the new version.
- The database's version and size, and how long migrations have been running.
- Whether you have a backup from before, and tried it.
""",
    "User Interface": """
- A screenshot of the whole window, and the address in the address bar.
- Browser and version, window size, zoom, theme, language.
- Whether it also happens in a private window without extensions.
- Steps that make it happen.
""",
    "User/Team/Channel Management": """
- The users, teams or channels by name and ID.
- What you want: create, archive, merge, convert, move, delete.
- The command or page that you used, and its answer.
- Whether they are synchronised with directory groups.
""",
    "User issue": """
- The user's name and role, and since when.
- Steps from logging in to the problem.
- Whether other people on the same computer, or the same person elsewhere, have it too.
- A screenshot, and the browser's console.
""",
}
