"""Words by which copies and installs are known: data, separated by blanks."""

#: Folders that seldom change.
ASIDE = """
patches prisma requirements reqs deps .yarn .mvn gradle vendor node_modules wheels wheelhouse conf config
configs conf.d etc docker .docker scripts bin certs ssl keys nginx rootfs root dependencies third_party
third-party project .cargo manifests ci .ci build-scripts buildconfig install provision ansible setup
build_scripts packages.d ssh token tokens secrets cert certificates .npm dist target .ssh pip repo files patch
supervisor cron init hooks overlay .bundle buildsrc vendored tools licenses docker-entrypoint.d entrypoint env
envs s6 services requirements.d dependency
"""

#: Programs that may stand beside an install.
HARMLESS = """
rm echo mkdir set export true : ln printf locale-gen localedef ldconfig update-ca-certificates apt-mark
apt-key add-apt-repository dpkg-reconfigure curl wget gpg tee apt-get apt apk yum dnf microdnf tdnf zypper
aptitude uname dpkg docker-php-ext-configure docker-php-ext-enable corepack rustup find unlink sudo npm yarn
gem conda env groupadd useradd adduser addgroup lsb_release nproc
"""

#: Names of files that installs read, or that seldom change; a star at either end or in the middle.
MANIFESTS = """
package.json package*.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-* .npmrc .yarnrc*
.pnpmfile.cjs bun.lock* bunfig.toml bower.json .bowerrc lerna.json rush.json deps.ts deno.json* deno.lock
import_map.json nx.json turbo.json .pnp.* *.lock lock.* *requirement* *reqs* constraints* setup.py setup.cfg
pyproject.toml poetry.* uv.* Pipfile* environment*.yml environment*.yaml *conda* MANIFEST.in pdm.* *.in
tox.ini pixi.* version.rb go.mod go.sum go.* Gopkg.* glide.* Cargo.* rust-toolchain* recipe.json vendor.json
pom.xml *pom.xml mvnw* gradlew* *.gradle *.gradle.kts gradle.* build.sbt *.sbt project.clj deps.edn
shadow-cljs.edn *.csproj *.fsproj *.vbproj *.sln *.slnx *.props *.targets nuget.config NuGet.config
NuGet.Config Nuget.config Nuget.Config global.json packages.config paket.* project.json *.esproj Package.swift
Package.resolved stack.yaml* *.cabal cabal.* package.yaml mix.exs rebar.* Gemfile* *.gemspec .ruby-version
.tool-versions composer.* auth.json symfony.lock pubspec.* cpanfile* shard.* *.opam conanfile.* vcpkg.json
renv.lock Project.toml Manifest.toml *.nimble Podfile* .nvmrc .node-version .python-version DESCRIPTION
install*.R requirements* gulpfile* babel.config.* tsconfig*.json webpack* jsconfig.json *.config.js
*.config.ts *.config.mjs *.config.cjs angular.json .eslintrc* rollup* decorate-angular-cli.js ngcc.config.js
karma.conf.js
"""

#: Files without an ending that are no folders.
PLAIN_FILES = """
makefile dockerfile license readme version procfile rakefile vagrantfile artisan gnumakefile entrypoint
docker-entrypoint start run console changelog notice authors
"""

#: Endings of source files.
SOURCE_SUFFIXES = """
.py .pyx .js .jsx .mjs .cjs .ts .tsx .vue .svelte .go .rs .java .kt .scala .clj .cljs .cs .fs .vb .rb .php .c
.cc .cpp .h .hpp .swift .ex .exs .erl .hs .ml .dart .cr .pl .pm .lua .jl .r .ipynb .html .css .scss .nim .elm
"""

#: Flags that take the next word, in most tools.
VALUED = """
prefix C cwd dir registry filter F cache cache-folder loglevel workspace python f file jobs path gemfile
without with only working-dir d version i index-url extra-index-url t target c constraint r requirement n name
p output o configuration runtime framework source packages retry timeout network-timeout network-concurrency
cache-dir trusted-host features bin root group manifest-path recipe-path progress-bar find-links channel extra
v package j no-binary only-binary proxy upgrade-strategy src e editable global-option
"""

#: Folders that hold manifests, or what is installed by them.
OF_MANIFESTS = """
requirements reqs deps dependencies dependency requirements.d vendor vendored node_modules patches patch
wheels wheelhouse gradle .mvn .yarn .cargo .bundle manifests third_party third-party project prisma
"""
