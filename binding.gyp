# The addon. Sources are found by glob, so a new native/NAME.cc joins without an edit here; what belongs to oo-login
# and pam_oo only is left out by native/sources.mjs: native/build.mjs compiles those.
{
  'targets': [
    {
      'target_name': 'oo_native',
      'sources': [
        '<!@(node native/sources.mjs)',
      ],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED', '_GNU_SOURCE'],
      'cflags!': ['-O3', '-fno-omit-frame-pointer'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-rtti'],
      'cflags': [
        '-O2',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-fvisibility=hidden',
        '-fstack-protector-strong',
        '-fstack-clash-protection',
        '-U_FORTIFY_SOURCE',
        '-D_FORTIFY_SOURCE=2',
      ],
      'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fvisibility-inlines-hidden'],
      'ldflags': ['-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack', '-Wl,--exclude-libs,ALL'],
      'libraries': ['-ldl', '-lpthread'],
      'conditions': [['target_arch=="x64"', {'cflags': ['-fcf-protection']}]],
    },
  ],
}
